package secgroup

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// maxAddresses bounds addresses and allowed_addresses of one NIC, each.
const maxAddresses = 256

// Normalize brings a NIC to its stored form: nothing IPv4-mapped, prefixes
// without host bits, enforcement on unless it says otherwise.
func (n *NIC) Normalize() {
	for i, a := range n.Addresses {
		n.Addresses[i] = a.Unmap()
	}
	for i, p := range n.AllowedAddresses {
		if p.IsValid() {
			n.AllowedAddresses[i] = unmap(p)
		}
	}
	n.Enforcement = cmp.Or(n.Enforcement, EnforcementOn)
}

// Validate returns every fault of a normalised NIC by itself; see NICFaults for
// those that its network shows.
func (n NIC) Validate() Faults {
	var f Faults
	f.check(ValidID(n.ID), idDetail, "id")
	f.check(ValidID(n.Account), idDetail, "account")
	f.check(n.Instance == "" || ValidID(n.Instance), idDetail, "instance")
	f.check(ValidID(n.Network), idDetail, "network")
	f.check(n.MAC.IsUnicast(), "mac is the unicast address of one interface", "mac")
	f.check(len(n.Addresses) <= maxAddresses, "at most 256 addresses", "addresses")
	for i, a := range n.Addresses {
		if detail := hostAddress(a); detail != "" {
			f.add(CodeInvalidValue, detail, "addresses", i)
		}
		f.check(a == a.Unmap(), "not in its stored form "+a.Unmap().String(), "addresses", i)
		f.check(!slices.Contains(n.Addresses[:i], a), "there twice", "addresses", i)
	}
	f.check(len(n.AllowedAddresses) <= maxAddresses, "at most 256 allowed addresses", "allowed_addresses")
	for i, p := range n.AllowedAddresses {
		if detail := allowedAddress(p); detail != "" {
			f.add(CodeInvalidValue, detail, "allowed_addresses", i)
		}
		f.check(!slices.Contains(n.AllowedAddresses[:i], p), "there twice", "allowed_addresses", i)
	}
	f = append(f, n.hostFaults()...)
	f.check(n.Enforcement == EnforcementOn || n.Enforcement == EnforcementOff, "enforcement is on or off", "enforcement")
	return f
}

// allowedAddress says what is wrong with p, "" if nothing is. A single address
// is a member address, so it must be a host's; a wider prefix may be any.
func allowedAddress(p netip.Prefix) string {
	switch {
	case !p.IsValid():
		return "not a prefix"
	case p != unmap(p):
		return "not in its stored form " + unmap(p).String()
	case p.IsSingleIP():
		return hostAddress(p.Addr())
	}
	return ""
}

// NICFaults returns what is wrong with a NIC seen from its network: addresses
// that the network has no place for.
func NICFaults(n NIC, net Network) Faults {
	var f Faults
	for i, a := range n.Addresses {
		f.check(net.Holds(a), fmt.Sprintf("%v is in no prefix of network %s", a, net.ID), "addresses", i)
	}
	return f
}

// Holds reports whether a NIC of the network may have address a: it is in one
// of the prefixes of its family. A network without a prefix of a family takes
// any address of that family, and IPv6 link-local addresses (RFC 4291, section
// 2.5.6) belong to every link.
func (n Network) Holds(a netip.Addr) bool {
	a = a.Unmap()
	if a.Is6() && a.IsLinkLocalUnicast() {
		return true
	}
	family := false
	for _, p := range n.Prefixes {
		if p.Contains(a) {
			return true
		}
		family = family || p.Addr().Is4() == a.Is4()
	}
	return !family
}
