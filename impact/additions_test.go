package impact_test

import (
	"net/netip"
	"testing"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/secgroup"
)

// small is a policy of one network and four groups: n1 is in web and app, n2 in
// web, n3 in db, n4 in none; web takes tcp 80 from db, and db restricts egress.
func small() *secgroup.Snapshot {
	net := &secgroup.Network{ID: "net", Type: secgroup.NetworkVPC, VPC: "blue", VLAN: 7, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}}
	net.Normalize()
	changes := []secgroup.Change{secgroup.Put(&secgroup.Account{ID: "acme"}), secgroup.Put(net)}
	group := func(id string, rules ...secgroup.Rule) {
		changes = append(changes, secgroup.Put(&secgroup.Group{GroupRef: ref(id), Name: id, IsDefault: id == "default", EgressPolicy: secgroup.EgressAuto, Rules: rules}))
	}
	group("default")
	group("web", rule("r1", secgroup.Ingress, 80, "db"))
	group("db", rule("r2", secgroup.Egress, 53, ""))
	group("app", rule("r3", secgroup.Ingress, 81, ""))
	for i, groups := range [][]string{{"web", "app"}, {"web"}, {"db"}, {}} {
		n := nic(i + 1)
		changes = append(changes, secgroup.Put(n))
		for _, g := range groups {
			changes = append(changes, secgroup.Put(&secgroup.Attachment{Group: ref(g), NIC: n.ID}))
		}
	}
	return policytest.Load(changes)
}

func ref(id string) secgroup.GroupRef { return secgroup.GroupRef{Account: "acme", ID: id} }

func rule(id string, d secgroup.Direction, port uint16, from string) secgroup.Rule {
	r := secgroup.Rule{ID: id, Direction: d, Family: secgroup.FamilyAny, Protocol: secgroup.ProtocolTCP, PortMin: port, PortMax: port, Enabled: true}
	if from != "" {
		r.RemoteGroup = ref(from)
	}
	return r
}

func nic(i int) *secgroup.NIC {
	return &secgroup.NIC{
		ID: "n" + string(rune('0'+i)), Account: "acme", Network: "net", MAC: secgroup.MAC{2, 0, 0, 0, 0, byte(i)},
		Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})}, Enforcement: secgroup.EnforcementOn,
	}
}

// TestWhomAChangeConcerns: a change concerns those whose own end it changes, and
// nobody else; only what takes something away has connections looked at.
func TestWhomAChangeConcerns(t *testing.T) {
	t.Parallel()
	edit := func(s *secgroup.Snapshot, id string, f func(*secgroup.Group)) secgroup.Change {
		g := *s.Group(ref(id))
		g.Rules = append([]secgroup.Rule{}, g.Rules...)
		f(&g)
		return secgroup.Put(&g)
	}
	attach := func(g, n string) secgroup.Change {
		return secgroup.Put(&secgroup.Attachment{Group: ref(g), NIC: n})
	}
	detach := func(g, n string) secgroup.Change {
		return secgroup.Delete(secgroup.AttachmentKey(secgroup.Attachment{Group: ref(g), NIC: n}))
	}
	for _, c := range []struct {
		name      string
		change    func(s *secgroup.Snapshot) secgroup.Change
		concerned string // NICs, by their numbers
		swept     string // those of whose connections some are judged again
	}{
		{"an account", func(*secgroup.Snapshot) secgroup.Change { return secgroup.Put(&secgroup.Account{ID: "bank"}) }, "", ""},
		{"an instance", func(*secgroup.Snapshot) secgroup.Change {
			return secgroup.Put(&secgroup.Instance{InstanceRef: secgroup.InstanceRef{Account: "acme", ID: "vm"}})
		}, "", ""},
		{"a network", func(s *secgroup.Snapshot) secgroup.Change {
			n := *s.Network("net")
			n.ID = "other"
			return secgroup.Put(&n)
		}, "", ""},
		{"a group", func(*secgroup.Snapshot) secgroup.Change {
			return secgroup.Put(&secgroup.Group{GroupRef: ref("new"), Rules: []secgroup.Rule{rule("r", secgroup.Ingress, 1, "web")}})
		}, "", ""},
		{"a group's name", func(s *secgroup.Snapshot) secgroup.Change {
			return edit(s, "web", func(g *secgroup.Group) { g.Name = "www" })
		}, "", ""},
		{"a rule's description", func(s *secgroup.Snapshot) secgroup.Change {
			return edit(s, "web", func(g *secgroup.Group) { g.Rules[0].Description = "http" })
		}, "", ""},
		{"nothing", func(s *secgroup.Snapshot) secgroup.Change { return attach("web", "n1") }, "", ""},
		{"a rule added", func(s *secgroup.Snapshot) secgroup.Change {
			return edit(s, "web", func(g *secgroup.Group) { g.Rules = append(g.Rules, rule("r9", secgroup.Ingress, 443, "")) })
		}, "12", ""},
		{"a rule removed", func(s *secgroup.Snapshot) secgroup.Change {
			return edit(s, "web", func(g *secgroup.Group) { g.Rules = nil })
		}, "12", "12"},
		{"a rule turned off", func(s *secgroup.Snapshot) secgroup.Change {
			return edit(s, "web", func(g *secgroup.Group) { g.Rules[0].Enabled = false })
		}, "12", "12"},
		{"the first egress rule", func(s *secgroup.Snapshot) secgroup.Change {
			return edit(s, "app", func(g *secgroup.Group) { g.Rules = append(g.Rules, rule("r9", secgroup.Egress, 443, "")) })
		}, "1", "1"},
		{"one more group, which rules name", func(*secgroup.Snapshot) secgroup.Change { return attach("db", "n2") }, "12", "2"},
		{"one more group, which none names", func(*secgroup.Snapshot) secgroup.Change { return attach("app", "n2") }, "2", ""},
		{"the first group", func(*secgroup.Snapshot) secgroup.Change { return attach("app", "n4") }, "4", "4"},
		{"a group less, which rules name", func(*secgroup.Snapshot) secgroup.Change { return detach("db", "n3") }, "123", "123"},
		{"a group less, which none names", func(*secgroup.Snapshot) secgroup.Change { return detach("app", "n1") }, "1", "1"},
		{"a NIC where nobody of ours was", func(*secgroup.Snapshot) secgroup.Change { return secgroup.Put(nic(9)) }, "9", ""},
		{"a NIC gone that rules name", func(*secgroup.Snapshot) secgroup.Change { return secgroup.Delete(nic(3).Key()) }, "123", "123"},
		{"a NIC gone that none names", func(*secgroup.Snapshot) secgroup.Change { return secgroup.Delete(nic(4).Key()) }, "4", "4"},
		{"a VLAN", func(s *secgroup.Snapshot) secgroup.Change {
			n := *s.Network("net")
			n.VLAN = 8
			return secgroup.Put(&n)
		}, "1234", ""},
		{"a service of the baseline", func(*secgroup.Snapshot) secgroup.Change {
			return secgroup.Put(&secgroup.Baseline{Addresses: []secgroup.BaselineAddress{{Address: netip.MustParseAddr("169.254.169.254"), Protocol: "tcp", Port: 80}}})
		}, "12349", ""},
	} {
		s := small()
		change := c.change(s)
		d := impact.Begin(s, []secgroup.Change{change})
		s, _ = s.With(2, []secgroup.Change{change})
		i := d.End(s)
		concerned, swept := "", ""
		for _, id := range []string{"1", "2", "3", "4", "9"} {
			if i.Concerns(s, "n"+id) {
				concerned += id
			}
			if i.Loss.Reaches(s, "n"+id, false) {
				swept += id
			}
		}
		if concerned != c.concerned || swept != c.swept {
			t.Errorf("%s: concerns %q, and has connections of %q looked at; want %q and %q: %+v", c.name, concerned, swept, c.concerned, c.swept, i)
		}
	}
}
