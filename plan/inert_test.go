package plan

import (
	"net/netip"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

// inertByHand is Inertness said of a snapshot: it looks through all members.
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

// Inertness, which a view answers, is that of the snapshot after the change.
func TestInertnessIsThatOfTheModel(t *testing.T) {
	t.Parallel()
	inert := 0
	history(t, 15, 20, func(t *testing.T, before, after *secgroup.Snapshot, changes []secgroup.Change) {
		look := NewInertness(NewView(before, 0, changes))
		for _, a := range after.Accounts() {
			for _, g := range after.Groups(a.ID) {
				for i := range g.Rules {
					want := inertByHand(after, &g.Rules[i])
					if want != "" {
						inert++
					}
					if got := look.Of(&g.Rules[i]); got != want {
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

func TestInertness(t *testing.T) {
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
		if got := NewInertness(NewView(s, 0, nil)).Of(&r); got != test.want {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}
