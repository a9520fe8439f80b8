package impact_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// TestWhateverCeasesIsConcerned: for random histories, and for every pair of
// addresses, those of NICs and others, and some services of each pair: what passed
// before a change and does not any more
//
//   - is refused by an end that is in the impact, so that the host which has to
//     refuse it is waited for;
//   - is in the loss, at each end that refuses now what it let pass, and at both
//     ends for whoever answers for both.
//
// And whatever an end judges otherwise than before, it is in the impact.
func TestWhateverCeasesIsConcerned(t *testing.T) {
	t.Parallel()
	h := history{kinds: map[string]int{}}
	for seed := range uint64(4) {
		for _, o := range []policytest.Options{{NICs: 7}, {NICs: 7, Guard: true, Multicast: true}, {NICs: 7, Shares: true}} {
			h.run(t, seed, o, 40)
			if t.Failed() {
				return
			}
		}
	}
	t.Logf("%d connections ceased, %d of them where nobody's own end lost anything, by %v; %d verdicts changed", h.ceased, h.arrived, h.kinds, h.changed)
	if h.ceased < 2500 || h.arrived < 1000 || len(h.kinds) < 24 {
		t.Errorf("%d connections ceased, %d by arrivals, by %d kinds of changes: the test shows little", h.ceased, h.arrived, len(h.kinds))
	}
}

// history is what a random history has come across.
type history struct {
	kinds                    map[string]int // of changes that something ceased by
	ceased, arrived, changed int
}

func (h *history) run(t *testing.T, seed uint64, o policytest.Options, steps int) {
	g := policytest.Seeded(seed, o)
	s := policytest.Load(g.Policy())
	rng := rand.New(rand.NewPCG(seed, 7))
	for step := range steps {
		name, changes := odd(rng, s)
		if len(changes) > 0 {
			var undo []secgroup.Change
			for _, c := range changes {
				undo = append(undo, secgroup.Change{Key: c.Key, Object: s.Get(c.Key)})
			}
			s = h.step(t, rng, s, name, changes, seed, step)
			s = h.step(t, rng, s, name+", undone", undo, seed, step)
		}
		name, changes = g.Step(s)
		if rng.IntN(3) == 0 {
			later := policytest.Load(objects(s))
			later, _ = later.With(1, changes)
			_, more := g.Step(later)
			changes = append(changes, more...)
		}
		s = h.step(t, rng, s, name, changes, seed, step)
		if t.Failed() {
			return
		}
	}
}

// step makes changes to s, compares, and returns what s is then.
func (h *history) step(t *testing.T, rng *rand.Rand, s *secgroup.Snapshot, name string, changes []secgroup.Change, seed uint64, step int) *secgroup.Snapshot {
	t.Helper()
	before, after := policytest.Load(objects(s)), policytest.Load(objects(s))
	after, _ = after.With(2, changes)
	d := impact.Of(before, after, changes)
	c := comparison{t: t, h: h, before: before, after: after, impact: d.Impact, name: name, when: fmt.Sprintf("seed %d step %d, %s", seed, step, name)}
	c.pairs(rng)
	in := impact.Begin(s, changes)
	s, _ = s.With(2, changes)
	if got := in.End(s); fmt.Sprint(got) != fmt.Sprint(d.Impact) {
		t.Errorf("%s: made of a policy with a history the impact is %+v, not %+v", c.when, got, d.Impact)
	}
	return s
}

// odd draws changes that policytest does not make: to records that cannot be read
// or are not there, and of what a policy seldom changes. It may draw none.
func odd(rng *rand.Rand, s *secgroup.Snapshot) (string, []secgroup.Change) {
	var groups []*secgroup.Group
	for _, a := range s.Accounts() {
		groups = append(groups, s.Groups(a.ID)...)
	}
	nets, nics := s.Networks(), s.NICs()
	if len(groups) == 0 || len(nets) == 0 || len(nics) == 0 {
		return "", nil
	}
	group, net, nic := *groups[rng.IntN(len(groups))], *nets[rng.IntN(len(nets))], *nics[rng.IntN(len(nics))]
	switch rng.IntN(14) {
	case 0:
		group.Closed = !group.Closed
		return "group closed or not", []secgroup.Change{secgroup.Put(&group)}
	case 1:
		as := s.AttachmentsOfNIC(nic.ID)
		if len(as) == 0 {
			return "", nil
		}
		a := as[0]
		a.Closed = rng.IntN(2) == 0
		return "attachment closed or not", []secgroup.Change{secgroup.Put(&a)}
	case 2:
		if len(net.Prefixes) > 1 && rng.IntN(2) == 0 {
			net.Prefixes = net.Prefixes[:1]
		} else {
			net.Prefixes = append(slices.Clone(net.Prefixes), netip.MustParsePrefix("10.9.0.0/24"))
		}
		return "prefixes changed", []secgroup.Change{secgroup.Put(&net)}
	case 3:
		return "network gone", []secgroup.Change{secgroup.Delete(net.Key())}
	case 4:
		net.Gateways = nil
		return "gateways gone", []secgroup.Change{secgroup.Put(&net)}
	case 5:
		group.IsDefault = !group.IsDefault
		return "default group or not", []secgroup.Change{secgroup.Put(&group)}
	case 6:
		nic.Account = map[string]string{"acme": "bank", "bank": "acme"}[nic.Account]
		return "another account's", []secgroup.Change{secgroup.Put(&nic)}
	case 7:
		return "group gone alone", []secgroup.Change{secgroup.Delete(group.Key())}
	}
	return "", nil
}

func objects(s *secgroup.Snapshot) (changes []secgroup.Change) {
	for o := range s.Objects() {
		changes = append(changes, secgroup.Put(o))
	}
	return append(changes, secgroup.Put(s.Baseline()))
}

// comparison is of a policy before and after one change.
type comparison struct {
	t             *testing.T
	h             *history
	before, after *secgroup.Snapshot
	impact        impact.Impact
	name, when    string
}

// services are drawn of for each pair.
func service(rng *rand.Rand, v6 bool) packet.Tuple {
	p := packet.Tuple{SrcPort: 40000}
	icmp := uint8(packet.ProtoICMP)
	if v6 {
		icmp = packet.ProtoICMPv6
	}
	ports := []uint16{22, 80, 443, 1024, 65535}
	switch rng.IntN(8) {
	case 0, 1, 2:
		p.Proto, p.DstPort = packet.ProtoTCP, ports[rng.IntN(len(ports))]
	case 3, 4:
		p.Proto, p.DstPort = packet.ProtoUDP, ports[rng.IntN(len(ports))]
	case 5:
		p.Proto, p.SrcPort = icmp, 0
		if p.ICMPType = 8; v6 {
			p.ICMPType = 128
		}
	case 6:
		p.Proto, p.SrcPort = icmp, 0
		if p.ICMPType = 9; v6 {
			p.ICMPType = 134
		}
	default:
		p.Proto, p.SrcPort = []uint8{47, 50, 2}[rng.IntN(3)], 0
	}
	return p
}

func (c *comparison) pairs(rng *rand.Rand) {
	domains := map[string]map[netip.Addr]struct{}{}
	for _, s := range []*secgroup.Snapshot{c.before, c.after} {
		for _, n := range s.NICs() {
			d := s.Domain(n)
			if domains[d] == nil {
				domains[d] = map[netip.Addr]struct{}{}
				for _, a := range []string{"8.8.8.8", "10.0.0.7", "10.0.1.3", "203.0.113.5", "10.0.0.255", "224.0.0.5", "fd00:0:0:1::7", "2606:4700::1", "fe80::1"} {
					domains[d][netip.MustParseAddr(a)] = struct{}{}
				}
			}
			for _, a := range secgroup.MemberAddresses(n) {
				domains[d][a] = struct{}{}
			}
		}
	}
	for _, d := range slices.Sorted(maps.Keys(domains)) {
		addrs := slices.SortedFunc(maps.Keys(domains[d]), netip.Addr.Compare)
		for _, src := range addrs {
			for _, dst := range addrs {
				if src != dst && src.Is4() == dst.Is4() && d != "" {
					p := service(rng, src.Is6())
					p.Src, p.Dst = src, dst
					c.pair(d, p)
				}
			}
		}
	}
	for _, n := range c.before.NICs() { // what only its MAC gives it
		p := service(rng, true)
		p.Src, p.Dst = n.MAC.LinkLocal(), netip.MustParseAddr("fd00:0:0:1::7")
		c.end(end{n, true}, c.before.Domain(n), p)
	}
}

// end is a NIC at one end of a packet, in the state that it is looked at in.
type end struct {
	nic  *secgroup.NIC
	sent bool
}

func (e end) judge(s *secgroup.Snapshot, p packet.Tuple) bool {
	if e.sent {
		return verdict.Egress(s, e.nic, p).Allow
	}
	return verdict.Ingress(s, e.nic, p).Allow
}

// ends returns the NICs that have one end's address.
func ends(s *secgroup.Snapshot, domain string, a netip.Addr, sent bool) (all []end) {
	for _, n := range s.NICsByAddress(domain, a) {
		all = append(all, end{n, sent})
	}
	return all
}

// lets reports whether one of the NICs at an address lets p pass, or nobody is there.
func lets(s *secgroup.Snapshot, domain string, a netip.Addr, sent bool, p packet.Tuple) bool {
	all := ends(s, domain, a, sent)
	return len(all) == 0 || slices.ContainsFunc(all, func(e end) bool { return e.judge(s, p) })
}

func passes(s *secgroup.Snapshot, domain string, p packet.Tuple) bool {
	return lets(s, domain, p.Src, true, p) && lets(s, domain, p.Dst, false, p)
}

func (c *comparison) pair(domain string, p packet.Tuple) {
	was, is := slices.Concat(ends(c.before, domain, p.Src, true), ends(c.before, domain, p.Dst, false)),
		slices.Concat(ends(c.after, domain, p.Src, true), ends(c.after, domain, p.Dst, false))
	own := false
	for _, e := range was {
		own = c.end(e, domain, p) || own
	}
	for _, e := range is { // it may have come only now
		if old := c.before.NIC(e.nic.ID); old == nil && !c.impact.Concerns(c.after, e.nic.ID) {
			c.t.Errorf("%s: %s came and is not in %+v", c.when, e.nic.ID, c.impact)
		}
	}
	if len(was)+len(is) == 0 || !passes(c.before, domain, p) || passes(c.after, domain, p) {
		return
	}
	c.h.ceased++
	c.h.kinds[c.name]++
	if !own {
		c.h.arrived++
	}
	refused := slices.ContainsFunc(is, func(e end) bool { return !e.judge(c.after, p) && c.impact.Concerns(c.after, e.nic.ID) }) ||
		slices.ContainsFunc(was, func(e end) bool {
			now := c.after.NIC(e.nic.ID)
			return (now == nil || c.after.Domain(now) != domain || !slices.Contains(secgroup.MemberAddresses(now), e.addr(p))) &&
				c.impact.Concerns(c.after, e.nic.ID)
		})
	if !refused {
		c.t.Errorf("%s: %+v in %s passes no more, and no end that refuses it is in %+v", c.when, p, domain, c.impact)
	}
	for _, e := range was {
		now := c.after.NIC(e.nic.ID)
		if now == nil || c.after.Domain(now) != domain || now.Enforcement == secgroup.EnforcementOff {
			continue
		}
		if conn := (impact.Conn{Packet: p, Both: true}); !c.impact.Loss.Touches(c.after, now, conn) || !c.impact.Loss.Reaches(c.after, now.ID, true) {
			c.t.Errorf("%s: %+v in %s passes no more, and %s, answering for both ends, does not find it in %+v", c.when, p, domain, now.ID, c.impact)
		}
	}
}

func (e end) addr(p packet.Tuple) netip.Addr {
	if e.sent {
		return p.Src
	}
	return p.Dst
}

// end compares how one end judges, and reports whether it refuses what it let pass.
func (c *comparison) end(e end, domain string, p packet.Tuple) (lost bool) {
	was := e.judge(c.before, p)
	now := c.after.NIC(e.nic.ID)
	is := now != nil && c.after.Domain(now) == domain && end{now, e.sent}.judge(c.after, p)
	if was == is {
		return false
	}
	c.h.changed++
	if !c.impact.Concerns(c.after, e.nic.ID) {
		c.t.Errorf("%s: %s judges %+v %v, and not %v as before; it is not in %+v", c.when, e.nic.ID, p, is, was, c.impact)
	}
	if !was {
		return false
	}
	if now != nil {
		if !c.impact.Loss.Touches(c.after, now, impact.Conn{Packet: p}) {
			c.t.Errorf("%s: %s refuses %+v, which it let pass; it is not in %+v", c.when, e.nic.ID, p, c.impact.Loss)
		}
	}
	if !c.impact.Loss.Reaches(c.after, e.nic.ID, false) {
		c.t.Errorf("%s: %s refuses %+v, which it let pass; it is not reached by %+v", c.when, e.nic.ID, p, c.impact.Loss)
	}
	return true
}
