package megaflow

import (
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/unixctl"
)

// Unfit says why a release of Open vSwitch must not be trusted with policy: its
// prefix tries give megaflows too wide a mask where a match has both addresses
// and ports, so that a packet may pass by another's verdict (fixed in 2.17.6,
// 3.0.4 and 3.1.1). 3.1.0 passes: Debian 12 ships it with the fix.
func Unfit(v unixctl.Version) error {
	series := unixctl.Version{Major: v.Major, Minor: v.Minor}
	switch {
	case v.Compare(unixctl.Version{Major: 2, Minor: 17, Patch: 6}) < 0:
		return fmt.Errorf("version %s is not supported: 2.17.6 is the oldest whose megaflow masks are right", v)
	case series == unixctl.Version{Major: 3} && v.Patch < 4:
		return fmt.Errorf("version %s is not supported: its megaflow masks are wrong; 3.0.4 is the first of its series that is right", v)
	}
	return nil
}

// Misplaces tells whether a datapath may put the new actions of one cached
// megaflow into another that overlaps it, and leave the first as it was for as
// long as packets use it: the userspace datapath until 2.17.8, 3.0.5, 3.1.3 and
// 3.2.0, which found megaflows by key ("dpif-netdev: Fix dpif_netdev_flow_put").
func Misplaces(v unixctl.Version, datapath string) bool {
	if strings.HasPrefix(datapath, "system@") { // finds them by their id
		return false
	}
	fixed := unixctl.Version{Major: 3, Minor: 2}
	switch (unixctl.Version{Major: v.Major, Minor: v.Minor}) {
	case unixctl.Version{Major: 2, Minor: 17}:
		fixed = unixctl.Version{Major: 2, Minor: 17, Patch: 8}
	case unixctl.Version{Major: 3, Minor: 0}:
		fixed = unixctl.Version{Major: 3, Minor: 0, Patch: 5}
	case unixctl.Version{Major: 3, Minor: 1}:
		fixed = unixctl.Version{Major: 3, Minor: 1, Patch: 3}
	}
	return v.Compare(fixed) < 0
}

// Method says how a settle comes to know that packets meet a change, and why so.
func Method(v unixctl.Version, datapath string) string {
	if Misplaces(v, datapath) {
		return fmt.Sprintf("megaflows are purged after each change, since the datapath %s of version %s may leave some as they were (fixed in 2.17.8, 3.0.5, 3.1.3 and 3.2.0)", datapath, v)
	}
	return "two passes of the revalidators are awaited after each change"
}
