package unixctl

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Version is a release of Open vSwitch.
type Version struct{ Major, Minor, Patch int }

// Compare returns -1, 0 or +1 as v is older than w, the same, or newer.
func (v Version) Compare(w Version) int {
	return cmp.Or(cmp.Compare(v.Major, w.Major), cmp.Compare(v.Minor, w.Minor), cmp.Compare(v.Patch, w.Patch))
}

func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// Version asks ovs-vswitchd for its release.
func (c *Client) Version(ctx context.Context) (Version, error) {
	const method = "version"
	text, err := c.Call(ctx, method)
	if err != nil {
		return Version{}, err
	}
	v, err := parseVersion(text)
	if err != nil {
		return Version{}, &OpError{Op: method, Err: err}
	}
	return v, nil
}

// version is Version, asked once for the connections there are.
func (c *Client) version(ctx context.Context) (Version, error) {
	if v := c.pool.knownVersion(); v != (Version{}) {
		return v, nil
	}
	v, err := c.Version(ctx)
	if err == nil {
		c.pool.setVersion(v)
	}
	return v, err
}

// parseVersion reads "ovs-vswitchd (Open vSwitch) 3.1.0"; a suffix such as
// "-rc1" or " (DPDK 22.11)" does not count.
func parseVersion(text string) (Version, error) {
	const intro = "(Open vSwitch) "
	_, rest, ok := strings.Cut(text, intro)
	if !ok {
		return Version{}, fmt.Errorf("version %q has no %q", text, intro)
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end >= 0 {
		rest = rest[:end]
	}
	var v Version
	parts := strings.Split(rest, ".")
	if len(parts) != 3 {
		return Version{}, fmt.Errorf("version %q is not three numbers", rest)
	}
	for i, dst := range []*int{&v.Major, &v.Minor, &v.Patch} {
		n, err := strconv.ParseUint(parts[i], 10, 16)
		if err != nil {
			return Version{}, fmt.Errorf("version %q is not three numbers", rest)
		}
		*dst = int(n)
	}
	return v, nil
}
