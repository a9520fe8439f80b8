package revoke

import (
	"fmt"
	"iter"
	"maps"
	"net/netip"
	"sync"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/secgroup"
)

// policy is a small policy: the NICs a1, a2, … (10.0.0.1 and fd00::1, …) of one
// account in one network, and the groups web and db, which nobody is in.
type policy struct {
	group map[string]*secgroup.Group
}

func newPolicy() *policy {
	p := &policy{group: map[string]*secgroup.Group{}}
	for _, id := range []string{"default", "web", "db"} {
		g := &secgroup.Group{GroupRef: ref(id), Name: id, IsDefault: id == "default"}
		if g.IsDefault {
			n := 0
			g.Rules = secgroup.DefaultRules(g.GroupRef, func() string { n++; return fmt.Sprintf("d%d", n) })
		}
		g.Normalize()
		p.group[id] = g
	}
	return p
}

func ref(group string) secgroup.GroupRef { return secgroup.GroupRef{Account: "acme", ID: group} }

// base is everything but NICs.
func (p *policy) base() []secgroup.Change {
	a := &secgroup.Account{ID: "acme"}
	a.Normalize()
	n := &secgroup.Network{ID: "net", Type: secgroup.NetworkVPC, VPC: "blue", Prefixes: []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/16"), netip.MustParsePrefix("fd00::/64"),
	}}
	n.Normalize()
	changes := []secgroup.Change{secgroup.Put(a), secgroup.Put(n)}
	for _, g := range p.group {
		changes = append(changes, secgroup.Put(g))
	}
	return changes
}

// rule adds a rule of ingress: "tcp 80", from a group or "" for everybody.
func (p *policy) rule(group, id string, proto secgroup.Protocol, port uint16, remote string) {
	r := secgroup.Rule{ID: id, Direction: secgroup.Ingress, Protocol: proto, PortMin: port, Enabled: true}
	if remote != "" {
		r.RemoteGroup = ref(remote)
	}
	r.Normalize()
	g := p.group[group]
	g.Rules = append(g.Rules, r)
	g.Normalize()
	g.Sort()
}

// nic is the NIC number n, "a<n>".
func nic(n byte) *secgroup.NIC {
	nic := &secgroup.NIC{
		ID: fmt.Sprintf("a%d", n), Account: "acme", Network: "net", MAC: secgroup.MAC{2, 0, 0, 0, 0, n},
		Addresses: []netip.Addr{address4(n), netip.AddrFrom16([16]byte{0: 0xfd, 15: n})},
	}
	nic.Normalize()
	return nic
}

func address4(n byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, n}) }

func attach(group, nic string) *secgroup.Attachment {
	return &secgroup.Attachment{Group: ref(group), NIC: nic}
}

// known is a policy as a host knows it.
type known struct {
	mu   sync.Mutex
	snap *secgroup.Snapshot
}

func (k *known) Read(fn func(Known)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	fn(everything{k.snap})
}

// everything is the whole policy.
type everything struct{ *secgroup.Snapshot }

func (everything) Knows(string) bool { return true }

// change makes changes, and returns what they may take away from NICs.
func (k *known) change(nics NICs, changes ...secgroup.Change) Lost {
	k.mu.Lock()
	defer k.mu.Unlock()
	diff := impact.Begin(k.snap, changes)
	k.snap, _ = k.snap.With(k.snap.Revision()+1, changes)
	return LostOf(diff.End(k.snap).Loss, k.snap, nics)
}

// said is what was reported.
type said struct {
	mu      sync.Mutex
	problem error
	stands  Standing
}

func (s *said) Judged(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem = err
}

func (s *said) Standing(now Standing, _ News) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stands = now
}

func (s *said) last() (stands Standing, problem error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stands, s.problem
}

// inZones has NICs in the zones 1, 2, ….
type inZones []string

func (z inZones) NIC(zone uint16) string {
	if zone == 0 || int(zone) > len(z) {
		return ""
	}
	return z[zone-1]
}

func (z inZones) Zone(nic string) uint16 {
	for zone, id := range z.All() {
		if id == nic {
			return zone
		}
	}
	return 0
}

func (z inZones) All() iter.Seq2[uint16, string] {
	zones := map[uint16]string{}
	for i, id := range z {
		zones[uint16(i+1)] = id
	}
	return maps.All(zones)
}
