package store

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/ringfence/ringfence/secgroup"
)

// everyKind is one object of each kind with all its fields set.
func everyKind() []secgroup.Object {
	at := time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC)
	g := group("acme", "web", secgroup.Rule{
		ID: "r1", Direction: secgroup.Ingress, Family: secgroup.FamilyIPv4, Protocol: secgroup.ProtocolTCP, PortMin: 80, PortMax: 90,
		RemoteCIDR: netip.MustParsePrefix("10.0.0.0/8"), RemoteGroup: groupRef("acme", "web"), Description: "d", Enabled: true, Origin: secgroup.OriginUser,
	}, secgroup.Rule{
		ID: "r2", Direction: secgroup.Egress, Family: secgroup.FamilyIPv6, Protocol: secgroup.ProtocolICMP, ICMPType: secgroup.Some8(0), ICMPCode: secgroup.Some8(3),
		RemoteGroup: groupRef("other", "web"), Origin: secgroup.OriginDefault, Revision: 1,
	}, rule("r3"))
	g.Rules[2].Protocol = "47"
	g.Name, g.Description, g.Tags, g.IsDefault = "Web", "desc", map[string]string{"k": "v"}, true
	g.EgressPolicy, g.NetworkScope, g.Networks = secgroup.EgressListed, secgroup.ScopeListed, []string{"n1"}
	g.CreatedAt, g.UpdatedAt = at, at.Add(time.Hour)
	n := nic("nic1", "acme", "n1", "10.0.0.5", "fd00::5")
	n.Instance, n.DHCPServer, n.Enforcement = "vm", true, secgroup.EnforcementOff
	n.AllowedAddresses = []netip.Prefix{netip.MustParsePrefix("10.0.0.100/32")}
	n.CreatedAt, n.UpdatedAt = at, at
	return []secgroup.Object{
		&secgroup.Account{ID: "acme", EgressPolicyDefault: secgroup.EgressListed, EgressOpenGuard: secgroup.GuardBlock, Quotas: map[string]int{"groups": 7}, CreatedAt: at, UpdatedAt: at},
		&secgroup.Network{ID: "n1", Type: secgroup.NetworkVPC, VPC: "v", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}, VLAN: 12, RoutingDomain: "vpc:v",
			Gateways: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, CreatedAt: at, UpdatedAt: at},
		&secgroup.Instance{InstanceRef: secgroup.InstanceRef{Account: "acme", ID: "vm"}, Name: "VM", CreatedAt: at, UpdatedAt: at},
		n, g,
		&secgroup.Attachment{Group: groupRef("acme", "web"), Instance: "vm"},
		&secgroup.Attachment{Group: groupRef("acme", "web"), NIC: "nic1"},
		&secgroup.Baseline{Addresses: []secgroup.BaselineAddress{{Address: netip.MustParseAddr("169.254.169.254"), Protocol: secgroup.ProtocolTCP, Port: 80, Description: "metadata"}}},
	}
}

// resolved is o as it is read back after a write at rev.
func resolved(o secgroup.Object, rev int64) secgroup.Object {
	switch o := o.(type) {
	case *secgroup.Account:
		c := *o
		c.Revision = rev
		return &c
	case *secgroup.Network:
		c := *o
		c.Revision = rev
		return &c
	case *secgroup.Instance:
		c := *o
		c.Revision = rev
		return &c
	case *secgroup.NIC:
		c := *o
		c.Revision = rev
		return &c
	case *secgroup.Baseline:
		c := *o
		c.Revision = rev
		return &c
	case *secgroup.Group:
		c := *o
		c.Revision = rev
		c.Rules = append([]secgroup.Rule(nil), o.Rules...)
		for i := range c.Rules {
			if c.Rules[i].Revision == 0 {
				c.Rules[i].Revision = rev
			}
		}
		return &c
	}
	return o
}

// dump is all of a store's cache, record by key.
func dump(t *testing.T, s *Store) map[secgroup.Key]string {
	t.Helper()
	return read(t, s, records)
}

// records is a snapshot as records, with the revisions that etcd keeps apart.
func records(s *snapshot) map[secgroup.Key]string {
	all := map[secgroup.Key]string{}
	for o := range s.Objects() {
		v, err := encodeObject(o)
		if err != nil {
			v = err.Error()
		}
		all[o.Key()] = v + fmt.Sprintf(" at %d", revisionOf(o))
	}
	return all
}
