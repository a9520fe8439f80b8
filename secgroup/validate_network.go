package secgroup

import (
	"fmt"
	"strings"
)

// ProviderDomain is the routing domain of public and flat networks unless the
// operator set another.
const ProviderDomain = "provider"

// maxVLAN is the highest VLAN id in use (IEEE 802.1Q reserves 4095).
const maxVLAN = 4094

// Normalize brings a network to its stored form: prefixes without host bits,
// nothing IPv4-mapped, and the routing domain that follows from its type.
func (n *Network) Normalize() {
	for i, p := range n.Prefixes {
		if p.IsValid() {
			n.Prefixes[i] = unmap(p)
		}
	}
	for i, a := range n.Gateways {
		n.Gateways[i] = a.Unmap()
	}
	if n.RoutingDomain == "" {
		n.RoutingDomain = ProviderDomain
		if n.Type == NetworkVPC {
			n.RoutingDomain = "vpc:" + n.VPC
		}
	}
}

// Validate returns every fault of a normalised network. Overlaps with other
// networks are not seen here.
func (n Network) Validate() Faults {
	var f Faults
	f.check(ValidID(n.ID), idDetail, "id")
	switch n.Type {
	case NetworkVPC:
		f.check(ValidID(n.VPC), "a network of type vpc needs vpc; "+idDetail, "vpc")
	case NetworkPublic, NetworkFlat:
		f.check(n.VPC == "", "only a network of type vpc has one", "vpc")
	default:
		f.add(CodeInvalidValue, "type is public, flat or vpc", "type")
	}
	for i, p := range n.Prefixes {
		switch {
		case !p.IsValid():
			f.add(CodeInvalidValue, "not a prefix", "prefixes", i)
			continue
		case p != unmap(p):
			f.add(CodeInvalidValue, "not in its stored form "+unmap(p).String(), "prefixes", i)
		case p.Addr().IsMulticast() || p.Addr().IsLoopback():
			f.add(CodeInvalidValue, "a network of hosts has no multicast or loopback prefix", "prefixes", i)
		}
		for _, earlier := range n.Prefixes[:i] {
			if earlier.IsValid() && earlier.Overlaps(p) {
				f.add(CodeInvalidValue, fmt.Sprintf("overlaps with %v", earlier), "prefixes", i)
				break
			}
		}
	}
	if n.VLAN > maxVLAN {
		f.add(CodeOutOfRange, "vlan is 0-4094, 0 for untagged", "vlan")
	}
	f.check(!n.Local || n.VLAN == 0, "a network that never leaves the host has no VLAN", "vlan")
	f.check(validDomain(n.RoutingDomain), "a routing domain is 1-128 of A-Z a-z 0-9 . _ - :", "routing_domain")
	for i, a := range n.Gateways {
		if detail := hostAddress(a); detail != "" {
			f.add(CodeInvalidValue, detail, "gateways", i)
		}
	}
	return f
}

// validDomain: as an id, longer, and with colons as in "vpc:blue".
func validDomain(s string) bool {
	if len(s) > 128 || s == "" {
		return false
	}
	for part := range strings.SplitSeq(s, ":") {
		for i := range len(part) {
			if !ValidID(part[i : i+1]) {
				return false
			}
		}
	}
	return true
}
