package link

import (
	"context"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// holding are the first versions of etcd, by major and minor one, which hold users to
// their roles: before, whoever may do anything can read and write all by a transaction
// within a transaction (CVE-2026-33343, CVE-2026-44283), and whoever may read one key
// can watch all behind it (CVE-2026-73499). 3.4 has got the first two mended, not the
// last; all of 3.8 and later hold.
var holding = map[[2]int]int{{3, 5}: 33, {3, 6}: 14, {3, 7}: 1}

// holdsToRoles reports whether an etcd of a version, such as 3.6.16, holds its users to
// their roles.
func holdsToRoles(version string) bool {
	var minor [2]int
	var patch int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &minor[0], &minor[1], &patch); err != nil {
		return false
	}
	if first, known := holding[minor]; known {
		return patch >= first
	}
	return minor[0] > 3 || minor[0] == 3 && minor[1] > 7
}

// tellLeaks tells of each member that does not hold users to their roles.
func (c Config) tellLeaks(ctx context.Context, client *clientv3.Client, tell func(string)) error {
	for _, endpoint := range c.Endpoints {
		st, err := client.Status(ctx, endpoint)
		if err != nil {
			return &OpError{Op: "ask " + endpoint + " for its version", Err: err}
		}
		if !holdsToRoles(st.Version) {
			tell(fmt.Sprintf("beware: etcd %s at %s does not hold users to their roles (CVE-2026-33343, CVE-2026-73499): the certificate of a host is good for the whole store. "+
				"Take 3.5.33, 3.6.14, 3.7.1 or later, or have hosts follow relays, which need no certificate for etcd", st.Version, endpoint))
		}
	}
	return nil
}
