package plan

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

// sound checks what must hold of every policy that the API has made.
func sound(t *testing.T, s *secgroup.Snapshot) {
	t.Helper()
	for _, a := range s.Accounts() {
		d := s.DefaultGroup(a.ID)
		if d == nil || d.ID != DefaultGroupID || d.Name != DefaultGroupID {
			t.Errorf("account %s has default group %+v", a.ID, d)
		}
		names := map[string]bool{}
		for _, g := range s.Groups(a.ID) {
			if names[g.Name] {
				t.Errorf("two groups of %s are named %q", a.ID, g.Name)
			}
			names[g.Name] = true
			soundGroup(t, s, g)
		}
	}
	type place struct {
		domain string
		addr   netip.Addr
	}
	type station struct {
		in  secgroup.Segment
		mac secgroup.MAC
	}
	stations := map[station]string{}
	taken := map[place]string{}
	for _, n := range s.NICs() {
		if faults := n.Validate(); len(faults) > 0 {
			t.Errorf("NIC %s: %v", n.ID, faults)
		}
		if s.Account(n.Account) == nil || s.Network(n.Network) == nil ||
			n.Instance != "" && s.Instance(secgroup.InstanceRef{Account: n.Account, ID: n.Instance}) == nil {
			t.Errorf("NIC %s names what is not there: %+v", n.ID, n)
		}
		network := s.Network(n.Network)
		if faults := secgroup.NICFaults(*n, *network); len(faults) > 0 {
			t.Errorf("NIC %s in network %s: %v", n.ID, network.ID, faults)
		}
		at := station{network.Segment(), n.MAC}
		if other := stations[at]; other != "" {
			t.Errorf("%s in %v is of %s and %s", n.MAC, at.in, other, n.ID)
		}
		stations[at] = n.ID
		for _, a := range n.Addresses {
			p := place{s.Domain(n), a}
			if other := taken[p]; other != "" {
				t.Errorf("%s of %s belongs to %s and %s", a, p.domain, other, n.ID)
			}
			taken[p] = n.ID
		}
	}
	nets := s.Networks()
	for i, a := range nets {
		for _, b := range nets[:i] {
			if _, _, yes := overlaps(a.Prefixes, b.Prefixes); yes && a.RoutingDomain == b.RoutingDomain {
				t.Errorf("networks %s and %s overlap", a.ID, b.ID)
			}
			if a.VLAN == b.VLAN && a.RoutingDomain != b.RoutingDomain {
				t.Errorf("networks %s and %s of two domains are on VLAN %d", a.ID, b.ID, a.VLAN)
			}
		}
	}
}

func soundGroup(t *testing.T, s *secgroup.Snapshot, g *secgroup.Group) {
	t.Helper()
	if faults := g.Validate(); len(faults) > 0 {
		t.Errorf("group %v: %v", g.GroupRef, faults)
	}
	if !slices.IsSortedFunc(g.Rules, func(a, b secgroup.Rule) int { return strings.Compare(a.ID, b.ID) }) || !slices.IsSorted(g.Networks) {
		t.Errorf("group %v is not in its stored order", g.GroupRef)
	}
	for _, r := range g.Rules {
		if r.RemoteGroup != (secgroup.GroupRef{}) && s.Group(r.RemoteGroup) == nil {
			t.Errorf("rule %s of %v names %v, which is not there", r.ID, g.GroupRef, r.RemoteGroup)
		}
	}
	for _, n := range g.Networks {
		if s.Network(n) == nil {
			t.Errorf("%v acts in network %s, which is not there", g.GroupRef, n)
		}
	}
	for _, a := range s.AttachmentsOfGroup(g.GroupRef) {
		n := s.NIC(a.NIC)
		if a.NIC != "" && (n == nil || n.Account != g.Account) ||
			a.Instance != "" && s.Instance(secgroup.InstanceRef{Account: g.Account, ID: a.Instance}) == nil {
			t.Errorf("%+v: an end is not there, or is another account's", a)
		}
	}
}
