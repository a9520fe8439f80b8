package transport

import (
	"hash/crc32"
	"slices"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/plan"
)

// An entity tag is "<tag>-<hash>": tag is the state that a write may be made
// to depend on (plan.Condition), and hash is that of the whole answer, which
// also has things that change by themselves, such as a NIC's host. So a read
// is repeated when anything in it changed, and a write is refused only when
// somebody wrote in between.

// ETag returns the entity tag of a body.
func ETag(tag string, body []byte) string {
	return `"` + tag + "-" + strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 36) + `"`
}

// noTag stands for a tag that no answer has.
const noTag = "none"

// entityTags reads the values of If-Match or If-None-Match (RFC 9110, section 13.1).
func entityTags(values []string) []string {
	var tags []string
	for _, v := range values {
		for t := range strings.SplitSeq(v, ",") {
			if t = strings.TrimSpace(t); t != "" {
				tags = append(tags, t)
			}
		}
	}
	return tags
}

// HasTag reports whether the values of If-None-Match name a tag.
func HasTag(noneMatch []string, tag string) bool {
	known := entityTags(noneMatch)
	return slices.Contains(known, tag) || slices.Contains(known, "W/"+tag) || slices.Contains(known, "*")
}

// Condition is what a write depends on, by the values of If-Match and If-None-Match.
// An If-Match without a tag holds of no state, as that of a script whose tag is empty.
func Condition(match, noneMatch []string) plan.Condition {
	state := func(tags []string) []string {
		for i, t := range tags {
			if t == "*" {
				continue
			}
			weak, _ := strings.CutPrefix(t, "W/")
			t, _, _ = strings.Cut(strings.Trim(weak, `"`), "-")
			if t == "" || t == "*" {
				t = noTag
			}
			tags[i] = t
		}
		return tags
	}
	ours := state(entityTags(match))
	if len(match) > 0 && len(ours) == 0 {
		ours = []string{noTag}
	}
	return plan.Condition{IfMatch: ours, IfNoneMatch: state(entityTags(noneMatch))}
}
