package revoke

import (
	"net/netip"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// TestJudge: an open connection in the zone of a NIC, judged again.
func TestJudge(t *testing.T) {
	t.Parallel()
	p := small.New()
	p.Rule("web", "in", secgroup.Ingress, "udp", 53, "db")
	p.Rule("db", "in", secgroup.Ingress, "udp", 53, "")
	router := small.NIC(5) // may send from anywhere, takes nothing
	router.AllowedAddresses = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	off := small.NIC(6)
	off.Enforcement = secgroup.EnforcementOff
	vip := netip.MustParseAddr("10.0.9.9")
	for _, n := range []*secgroup.NIC{off} {
		n.AllowedAddresses = []netip.Prefix{netip.PrefixFrom(vip, 32)}
	}
	shared := small.NIC(7)
	shared.AllowedAddresses = off.AllowedAddresses
	s := policytest.Load(append(p.Base(),
		secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.NIC(3)), secgroup.Put(router), secgroup.Put(off), secgroup.Put(shared),
		secgroup.Put(small.Attach("web", "a1")), secgroup.Put(small.Attach("db", "a2")), secgroup.Put(small.Attach("db", "a5")), secgroup.Put(small.Attach("web", "a7")),
	))
	addr := func(n int) string { return small.Address4(n).String() }
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
		{"sent from its link-local address", "a3", small.NIC(3).MAC.LinkLocal().String(), "fd00::77", 53, ofrules.MarkUnrestricted, true},
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
	p := small.New()
	p.Rule("web", "in", secgroup.Ingress, "tcp", 80, "db")
	p.Rule("web", "out", secgroup.Ingress, "tcp", 81, "")
	s := policytest.Load(append(p.Base(),
		secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.NIC(3)), secgroup.Put(small.Attach("web", "a1")), secgroup.Put(small.Attach("db", "a2")),
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
			Src: small.Address4(c.from), Dst: small.Address4(c.to), SPort: c.src, DPort: c.dst,
		}}
		if got := allowed(s, s.NIC(c.nic), conn); got != c.allowed {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
