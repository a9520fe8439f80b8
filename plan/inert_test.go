package plan

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

// inertByHand is Inert said of a snapshot: it looks through all members.
func inertByHand(s *secgroup.Snapshot, r *secgroup.Rule) string {
	if r.CTInvalid() {
		return secgroup.InertCTInvalid
	}
	if !r.RemoteCIDR.IsValid() || r.RemoteGroup == (secgroup.GroupRef{}) {
		return ""
	}
	for _, m := range s.Members(r.RemoteGroup) {
		if r.RemoteCIDR.Contains(m.Address) {
			return ""
		}
	}
	return secgroup.InertEmptyIntersection
}

// What a view says of rules is that of the snapshot after the change.
func TestInertIsThatOfTheModel(t *testing.T) {
	t.Parallel()
	inert := 0
	history(t, 15, 20, func(t *testing.T, before, after *secgroup.Snapshot, changes []secgroup.Change) {
		made, _ := before.With(0, changes)
		for _, a := range after.Accounts() {
			for _, g := range after.Groups(a.ID) {
				for i := range g.Rules {
					want := inertByHand(after, &g.Rules[i])
					if want != "" {
						inert++
					}
					if got := Inert(made, &g.Rules[i]); got != want {
						t.Errorf("rule %+v: %q, want %q", g.Rules[i], got, want)
					}
				}
			}
		}
	})
	if inert < 20 {
		t.Errorf("%d inert rules only: the test shows little", inert)
	}
}

func TestInert(t *testing.T) {
	t.Parallel()
	web := secgroup.GroupRef{Account: "a", ID: "web"}
	objects := []secgroup.Object{
		&secgroup.Network{ID: "net", RoutingDomain: "d"}, &secgroup.Network{ID: "other", RoutingDomain: "e"},
		&secgroup.Group{GroupRef: web, Name: "web"},
	}
	for _, n := range []secgroup.NIC{{ID: "n1", Network: "net"}, {ID: "n2", Network: "other"}, {ID: "n3", Network: "absent"}} {
		n.Account = "a"
		n.Addresses = []netip.Addr{netip.MustParseAddr(map[string]string{"n1": "10.0.0.1", "n2": "10.9.0.1", "n3": "10.8.0.1"}[n.ID])}
		objects = append(objects, &n, &secgroup.Attachment{Group: web, NIC: n.ID})
	}
	s := secgroup.NewSnapshot()
	for _, o := range objects {
		s, _ = s.With(1, []secgroup.Change{secgroup.Put(o)})
	}
	for _, test := range []struct {
		name, cidr string
		group      secgroup.GroupRef
		want       string
	}{
		{"cidr only", "192.0.2.0/24", secgroup.GroupRef{}, ""},
		{"group only", "", secgroup.GroupRef{Account: "a", ID: "empty"}, ""},
		{"a member in the cidr", "10.0.0.0/24", web, ""},
		{"a member in another domain", "10.9.0.0/24", web, ""},
		{"a member whose network is absent", "10.8.0.0/24", web, "empty-intersection"},
		{"no member in the cidr", "192.0.2.0/24", web, "empty-intersection"},
		{"a group that is absent", "10.0.0.0/8", secgroup.GroupRef{Account: "a", ID: "gone"}, "empty-intersection"},
	} {
		r := secgroup.Rule{RemoteGroup: test.group}
		if test.cidr != "" {
			r.RemoteCIDR = netip.MustParsePrefix(test.cidr)
		}
		if got := Inert(s, &r); got != test.want {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}

// TestInertWithANetwork: NICs may be there before their network, and get a domain with it.
func TestInertWithANetwork(t *testing.T) {
	t.Parallel()
	web := secgroup.GroupRef{Account: "a", ID: "web"}
	n := &secgroup.NIC{ID: "n", Account: "a", Network: "late", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.1")}}
	s, _ := secgroup.NewSnapshot().With(1, []secgroup.Change{
		secgroup.Put(&secgroup.Group{GroupRef: web, Name: "web"}), secgroup.Put(n), secgroup.Put(&secgroup.Attachment{Group: web, NIC: n.ID}),
	})
	r := secgroup.Rule{RemoteGroup: web, RemoteCIDR: netip.MustParsePrefix("10.0.0.0/24")}
	if got := Inert(s, &r); got != secgroup.InertEmptyIntersection {
		t.Errorf("before: %q", got)
	}
	late, _ := s.With(0, []secgroup.Change{secgroup.Put(&secgroup.Network{ID: "late", RoutingDomain: "d"})})
	if got := Inert(late, &r); got != "" {
		t.Errorf("with the network: %q", got)
	}
}

// TestInertAmongMany: whether a rule with a group and a prefix can match is found out with
// as few steps in a group of many members, be they in the prefix or not.
func TestInertAmongMany(t *testing.T) {
	big := secgroup.GroupRef{Account: "a", ID: "big"}
	among := func(members int) *secgroup.Snapshot {
		changes := []secgroup.Change{secgroup.Put(&secgroup.Network{ID: "net", RoutingDomain: "d"}), secgroup.Put(&secgroup.Group{GroupRef: big, Name: "big"})}
		for i := range members {
			n := &secgroup.NIC{ID: fmt.Sprint("n", i), Account: "a", Network: "net", Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})}}
			changes = append(changes, secgroup.Put(n), secgroup.Put(&secgroup.Attachment{Group: big, NIC: n.ID}))
		}
		s, _ := secgroup.NewSnapshot().With(1, changes)
		return s
	}
	few, many := among(10), among(2000)
	for _, cidr := range []string{"10.0.0.0/8", "10.0.0.0/30", "10.0.0.4/32", "192.0.2.0/24"} {
		r := secgroup.Rule{RemoteGroup: big, RemoteCIDR: netip.MustParsePrefix(cidr)}
		looking := func(s *secgroup.Snapshot) float64 { return testing.AllocsPerRun(10, func() { Inert(s, &r) }) }
		if few, many := looking(few), looking(many); many > few {
			t.Errorf("%s: %v allocations among 10 members, %v among 2,000", cidr, few, many)
		}
	}
}
