package transport

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringfence/ringfence/plan"
)

// maxWait bounds how long one request may have its answer held.
const maxWait = 60 * time.Second

// ReadParameters reads a query. It refuses one that is not well-formed, of which a part
// would be missing, parameters that are not among the known ones, and those that are
// there twice.
func (in *Input) ReadParameters(query string, known []string) error {
	var err error
	if in.Parameters, err = url.ParseQuery(query); err != nil {
		return BadParameter("the query is not well-formed: " + err.Error())
	}
	for name, values := range in.Parameters {
		if !slices.Contains(known, name) {
			return BadParameter(fmt.Sprintf("there is no parameter %q here", name))
		}
		if name == "stale" && values[0] != "allow" {
			return BadParameter(fmt.Sprintf("stale is allow, not %q", values[0]))
		}
		if len(values) > 1 {
			return BadParameter(fmt.Sprintf("parameter %q is there more than once", name))
		}
	}
	return nil
}

// Query is a query parameter, "" if it is not there.
func (in *Input) Query(name string) string { return in.Parameters.Get(name) }

// Flag reads a parameter that is true or false.
func (in *Input) Flag(name string) (bool, error) {
	switch v := in.Query(name); {
	case !in.Parameters.Has(name), v == "false":
		return false, nil
	case v == "true":
		return true, nil
	default:
		return false, BadParameter(fmt.Sprintf("%s is true or false, not %q", name, v))
	}
}

// Confirmed reads ?confirm=open-egress.
func (in *Input) Confirmed() (bool, error) {
	switch v := in.Query("confirm"); v {
	case "":
		return false, nil
	case "open-egress":
		return true, nil
	default:
		return false, BadParameter(fmt.Sprintf("confirm is open-egress, not %q", v))
	}
}

// Cascade reads ?cascade=attachments,references.
func (in *Input) Cascade() (plan.Cascade, error) {
	var out plan.Cascade
	v := in.Query("cascade")
	if v == "" {
		return out, nil
	}
	for part := range strings.SplitSeq(v, ",") {
		switch part {
		case "attachments":
			out.Attachments = true
		case "references":
			out.References = true
		default:
			return out, BadParameter(fmt.Sprintf("cascade is attachments, references or both, not %q", part))
		}
	}
	return out, nil
}

// Limit reads the size of a page.
func (in *Input) Limit() (int, error) {
	v := in.Query("limit")
	if v == "" {
		return 100, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > 1000 {
		return 0, BadParameter("limit is 1 to 1000")
	}
	return n, nil
}

// Revision reads ?revision=R, 0 if it is not there.
func (in *Input) Revision() (int64, error) {
	v := in.Query("revision")
	if v == "" {
		return 0, nil
	}
	rev, err := strconv.ParseInt(v, 10, 64)
	if err != nil || rev < 0 {
		return 0, BadParameter("revision is a whole number")
	}
	return rev, nil
}

// Wait reads ?wait=20s; a number alone is seconds.
func (in *Input) Wait() (time.Duration, error) {
	v := in.Query("wait")
	if v == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(v)
	if secs, serr := strconv.Atoi(v); serr == nil {
		d, err = time.Duration(secs)*time.Second, nil
	}
	if err != nil || d < 0 {
		return 0, BadParameter("wait is a duration such as 20s")
	}
	return min(d, maxWait), nil
}

// PreferredWait reads the values of Prefer: wait=10 (RFC 7240, section 4.3). A
// preference that is not understood is passed over, as section 2 has it.
func PreferredWait(prefer []string) (d time.Duration, asked bool) {
	for _, header := range prefer {
		for pref := range strings.SplitSeq(header, ",") {
			pref, _, _ = strings.Cut(pref, ";")
			name, value, _ := strings.Cut(strings.TrimSpace(pref), "=")
			if !strings.EqualFold(strings.TrimSpace(name), "wait") {
				continue
			}
			secs, err := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`))
			if err == nil && secs >= 0 {
				return min(time.Duration(min(secs, 3600))*time.Second, maxWait), true
			}
		}
	}
	return 0, false
}
