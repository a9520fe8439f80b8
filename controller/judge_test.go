package controller

import (
	"net/netip"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// TestJudge: an open connection in the zone of a NIC, judged again.
func TestJudge(t *testing.T) {
	t.Parallel()
	p := newPolicy()
	p.rule("web", "in", secgroup.Ingress, "udp", 53, "db")
	p.rule("db", "in", secgroup.Ingress, "udp", 53, "")
	router := nic(5) // may send from anywhere, takes nothing
	router.AllowedAddresses = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	off := nic(6)
	off.Enforcement = secgroup.EnforcementOff
	vip := netip.MustParseAddr("10.0.9.9")
	for _, n := range []*secgroup.NIC{off} {
		n.AllowedAddresses = []netip.Prefix{netip.PrefixFrom(vip, 32)}
	}
	shared := nic(7)
	shared.AllowedAddresses = off.AllowedAddresses
	s := policytest.Load(append(p.base(),
		secgroup.Put(nic(1)), secgroup.Put(nic(2)), secgroup.Put(nic(3)), secgroup.Put(router), secgroup.Put(off), secgroup.Put(shared),
		secgroup.Put(attach("web", "a1")), secgroup.Put(attach("db", "a2")), secgroup.Put(attach("db", "a5")), secgroup.Put(attach("web", "a7")),
	))
	addr := func(n int) string { return address4(n).String() }
	const rule = 1000
	for _, c := range []struct {
		name     string
		nic      string // in whose zone it is
		src, dst string
		port     uint16
		mark     uint32
		allowed  bool
	}{
		{"sent, and taken there", "a2", addr(2), addr(1), 53, ofrules.MarkUnrestricted, true},
		{"received from one who may", "a1", addr(2), addr(1), 53, rule, true},
		{"sent, but not taken there, which is the other end's affair", "a3", addr(3), addr(1), 53, ofrules.MarkUnrestricted, true},
		{"received from one who may not", "a1", addr(3), addr(1), 53, rule, false},
		{"received at another port", "a1", addr(2), addr(1), 54, rule, false},
		{"sent to nobody of ours", "a3", addr(3), "8.8.8.8", 53, ofrules.MarkUnrestricted, true},
		{"received from nobody of ours", "a2", "8.8.8.8", addr(2), 53, rule, true},
		{"sent from an address it has no more", "a3", addr(33), "8.8.8.8", 53, ofrules.MarkUnrestricted, false},
		{"sent from its link-local address", "a3", nic(3).MAC.LinkLocal().String(), "fd00::77", 53, ofrules.MarkUnrestricted, true},
		{"multicast received", "a2", addr(3), "224.0.0.251", 53, rule, true},
		{"multicast received by one who does not take it", "a1", addr(3), "224.0.0.251", 53, rule, false},
		{"a broadcast", "a2", addr(3), "255.255.255.255", 53, rule, true},
		{"a broadcast to the network", "a2", addr(3), "10.0.255.255", 53, rule, true},
		{"unfiltered", "a6", addr(6), addr(3), 99, 0, true},
		{"from one that is not filtered to one that is", "a1", addr(6), addr(1), 53, rule, false},
		{"a prefix of its own, as the sender", "a5", "10.7.0.1", addr(2), 53, ofrules.MarkUnrestricted, true},
		{"a prefix of its own, sent by the mark", "a5", "10.7.0.1", "10.8.0.1", 99, ofrules.MarkUnrestricted, true},
		{"a prefix of its own, received by the mark", "a5", "10.7.0.1", "10.8.0.1", 99, rule, false},
		{"its own address settles who sent, whatever the prefix", "a5", "10.7.0.1", addr(5), 99, ofrules.MarkUnrestricted, false},
		{"an address that two share: one takes it", "a3", addr(3), vip.String(), 99, ofrules.MarkUnrestricted, true},
	} {
		conn := unixctl.Conn{Proto: 17, Mark: c.mark, Orig: unixctl.Tuple{
			Src: netip.MustParseAddr(c.src), Dst: netip.MustParseAddr(c.dst), SPort: 40000, DPort: c.port,
		}}
		if got := allowed(s, s.NIC(c.nic), conn); got != c.allowed {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestJudgePickedUp: what was picked up in mid-stream is allowed if it is so at
// both ends, one way round or the other.
func TestJudgePickedUp(t *testing.T) {
	t.Parallel()
	p := newPolicy()
	p.rule("web", "in", secgroup.Ingress, "tcp", 80, "db")
	p.rule("web", "out", secgroup.Ingress, "tcp", 81, "")
	s := policytest.Load(append(p.base(),
		secgroup.Put(nic(1)), secgroup.Put(nic(2)), secgroup.Put(nic(3)), secgroup.Put(attach("web", "a1")), secgroup.Put(attach("db", "a2")),
	))
	for _, c := range []struct {
		name     string
		nic      string
		from, to int
		src, dst uint16
		allowed  bool
	}{
		{"as it was begun, at the server", "a1", 2, 1, 40000, 80, true},
		{"as it was begun, at the client", "a2", 2, 1, 40000, 80, true},
		{"by an answer, at the server", "a1", 1, 2, 80, 40000, true},
		{"by an answer to one who may not", "a1", 1, 3, 80, 40000, false},
		{"by an answer from a port that is shut", "a1", 1, 2, 79, 40000, false},
		{"to the outside", "a1", 1, 77, 79, 40000, true},
		{"by one who may not", "a3", 3, 1, 40000, 80, false},
		{"by one who may", "a3", 3, 1, 40000, 81, true},
	} {
		conn := unixctl.Conn{Proto: 6, Mark: ofrules.MarkUnrestricted, Labels: [16]byte{15: 2}, Orig: unixctl.Tuple{
			Src: address4(c.from), Dst: address4(c.to), SPort: c.src, DPort: c.dst,
		}}
		if got := allowed(s, s.NIC(c.nic), conn); got != c.allowed {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestConcernOfAdditions: what only adds is of no concern, and what is of concern
// is so to a host only where it has NICs.
func TestConcernOfAdditions(t *testing.T) {
	t.Parallel()
	base := func() (*policy, *secgroup.Snapshot) {
		p := newPolicy()
		p.rule("web", "r1", secgroup.Ingress, "tcp", 80, "db")
		s := policytest.Load(append(p.base(), secgroup.Put(nic(1)), secgroup.Put(nic(2)), secgroup.Put(attach("web", "a1"))))
		return p, s
	}
	elsewhere := &secgroup.Network{ID: "red", Type: secgroup.NetworkVPC, VPC: "red", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}}
	elsewhere.Normalize()
	far := nic(8)
	far.Network = "red"
	service := secgroup.BaselineAddress{Address: netip.MustParseAddr("169.254.169.254"), Protocol: "tcp", Port: 80}
	for _, c := range []struct {
		name    string
		changes func(p *policy) []secgroup.Change
		concern bool // at all
		here    bool // to a host that has a1
	}{
		{"a rule added", func(p *policy) []secgroup.Change {
			return []secgroup.Change{p.rule("web", "r2", secgroup.Ingress, "tcp", 81, "")}
		}, false, false},
		{"the first egress rule", func(p *policy) []secgroup.Change {
			return []secgroup.Change{p.rule("web", "r2", secgroup.Egress, "tcp", 81, "")}
		}, true, true},
		{"a rule's description", func(p *policy) []secgroup.Change {
			return []secgroup.Change{p.with("web", func(g *secgroup.Group) { g.Rules[0].Description = "http" })}
		}, false, false},
		{"a rule removed", func(p *policy) []secgroup.Change { return []secgroup.Change{p.noRule("web", "r1")} }, true, true},
		{"one more group", func(*policy) []secgroup.Change { return []secgroup.Change{secgroup.Put(attach("db", "a1"))} }, false, false},
		{"the first group", func(*policy) []secgroup.Change { return []secgroup.Change{secgroup.Put(attach("db", "a2"))} }, true, true},
		{"a NIC in the same domain", func(*policy) []secgroup.Change { return []secgroup.Change{secgroup.Put(nic(9))} }, true, true},
		{"a NIC in another domain", func(*policy) []secgroup.Change {
			return []secgroup.Change{secgroup.Put(elsewhere), secgroup.Put(far)}
		}, true, false},
		{"an account", func(*policy) []secgroup.Change {
			return []secgroup.Change{secgroup.Put(&secgroup.Account{ID: "bank"})}
		}, false, false},
		{"a service of the baseline added", func(*policy) []secgroup.Change {
			return []secgroup.Change{secgroup.Put(&secgroup.Baseline{Addresses: []secgroup.BaselineAddress{service}, Revision: 1})}
		}, false, false},
	} {
		p, s := base()
		con := newConcern()
		con.follow(s, 2, c.changes(p))
		if !con.empty() != c.concern {
			t.Errorf("%s: concern %+v", c.name, con)
		}
		if got := con.reaches(s, inZones("a1")); got != c.here {
			t.Errorf("%s: reaches the host: %v", c.name, got)
		}
		if con.reaches(s, nil) {
			t.Errorf("%s: reaches an empty host", c.name)
		}
	}
	s := policytest.Load([]secgroup.Change{secgroup.Put(&secgroup.Baseline{Addresses: []secgroup.BaselineAddress{service}, Revision: 1})})
	con := newConcern()
	con.follow(s, 2, []secgroup.Change{secgroup.Delete(secgroup.BaselineKey())})
	if !con.all {
		t.Error("a service of the baseline removed is of no concern")
	}
}
