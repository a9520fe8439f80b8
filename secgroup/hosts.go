package secgroup

import "slices"

// maxHosts bounds where one NIC may be plugged: where it is, where it goes, and
// some to spare.
const maxHosts = 8

// MayBeAt reports whether the NIC may be plugged at a host.
func (n *NIC) MayBeAt(host string) bool { return len(n.Hosts) == 0 || slices.Contains(n.Hosts, host) }

// AwayFrom reports whether the NIC may be plugged at a host and is delivered at
// another, which it has not left yet, or has gone to.
func (n *NIC) AwayFrom(host string) bool {
	return len(n.Hosts) > 0 && n.Hosts[0] != host && slices.Contains(n.Hosts, host)
}

// hostFaults returns what is wrong with the hosts of a NIC.
func (n *NIC) hostFaults() Faults {
	var f Faults
	f.check(len(n.Hosts) <= maxHosts, "at most 8 hosts", "hosts")
	for i, h := range n.Hosts {
		f.check(ValidHost(h), "a host's name is 1-64 printable characters without space and /", "hosts", i)
		f.check(!slices.Contains(n.Hosts[:i], h), "there twice", "hosts", i)
	}
	return f
}

// ValidHost reports whether a host may have such a name. It is a part of keys of the
// store, and of paths of the API.
func ValidHost(s string) bool {
	return len(s) >= 1 && len(s) <= 64 && !slices.ContainsFunc([]byte(s), func(c byte) bool { return c <= ' ' || c >= 0x7f || c == '/' })
}
