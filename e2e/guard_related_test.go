package e2e

import (
	be "encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/internal/matrix"
	"github.com/ringfence/ringfence/internal/traffic"
)

// ICMP errors: they pass if they are about a connection of the machine that
// they are for, and of the one that they come from.

// hail is what one machine says to another, who hears it or not. Nobody else
// does.
type hail struct {
	what     string
	from, to *matrix.Party
	frames   [][]byte
	heard    bool
}

// expectHails says them all and checks who hears what. A busy machine loses
// frames: what is missing is said again.
func (n *tenant) expectHails(t *testing.T, hails []hail) {
	t.Helper()
	n.expectHailsOf(t, hails, func(hail) bool { return true })
}

// expectHailsOf is expectHails where some may be heard by anyone else, too.
func (n *tenant) expectHailsOf(t *testing.T, hails []hail, exclusive func(h hail) bool) {
	t.Helper()
	begin := time.Now()
	say := func(h hail) {
		newSender(t, h.from.Node).send(t, h.frames...)
		time.Sleep(pace)
	}
	heard := func(p *matrix.Party, f []byte) bool {
		return anyIs(framesOf(p.Capture.Find(begin, func(q *traffic.Packet) bool { return !q.Out })), f)
	}
	missing := func(h hail) bool {
		return h.heard && slices.ContainsFunc(h.frames, func(f []byte) bool { return !heard(h.to, f) })
	}
	late := hails
	for begun := time.Now(); len(late) > 0 && time.Since(begun) < longest; {
		for _, h := range late {
			say(h)
		}
		for deadline := time.Now().Add(time.Second); len(late) > 0 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			late = slices.DeleteFunc(slices.Clone(late), func(h hail) bool { return !missing(h) })
		}
	}
	time.Sleep(inFlight)
	for _, h := range hails {
		for i, f := range h.frames {
			for _, p := range n.parties {
				if p != h.to && (p.Place == "" || !exclusive(h)) {
					continue // the fabric may flood what is for others
				}
				if want := h.heard && p == h.to; p != h.from && heard(p, f) != want {
					t.Errorf("%s, from %s to %s, frame %d of %d: heard by %s %t, expected %t",
						h.what, h.from.Name(), h.to.Name(), i+1, len(h.frames), p.Name(), !want, want)
				}
			}
		}
	}
}

// errorsAbout are ICMP errors of every kind about a datagram, of w's payload's
// length, that is quoted with w's mark instead.
func (w wire) errorsAbout(datagram []byte) (frames [][]byte) {
	quote := slices.Clone(datagram[14:])
	copy(quote[len(quote)-len(w.mark):], w.mark)
	mtu := be.BigEndian.AppendUint32(nil, 1280)
	if quote[0]>>4 == 4 {
		for _, kind := range [][2]uint8{{3, 1}, {3, 3}, {3, 4}, {11, 0}, {12, 0}} {
			icmp := &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(kind[0], kind[1]), Seq: 1280}
			frames = append(frames, w.in4(w.ip4(layers.IPProtocolICMPv4), icmp, payload(quote)))
		}
		return frames
	}
	for _, kind := range [][2]uint8{{1, 0}, {1, 4}, {2, 0}, {3, 0}, {4, 0}} {
		icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(kind[0], kind[1])}
		frames = append(frames, w.in6(w.ip6(layers.IPProtocolICMPv6), icmp, payload(slices.Concat(mtu, quote))))
	}
	return frames
}

// testErrors: the two ends of a connection tell each other errors without a
// rule for ICMP; nobody tells errors about connections of others.
func testErrors(t *testing.T, dc *datacentre) {
	n := dc.newTenant(t)
	n.play("client", "server", "eve")
	out := n.machineOutside("out", 200)
	n.groups("client", "server", "eve")
	for _, role := range n.roles[:3] {
		n.join(role, role)
	}
	n.rule("server", "in", "ingress udp 7000 from client")
	client := n.party("client@h1")
	for _, host := range hosts {
		server := n.party("server@" + host)
		to, back := newWire(client, server, n.vlan), newWire(server, client, n.vlan)
		asked := to.udp(7000)
		answered := [][]byte{
			back.in4(back.ip4(layers.IPProtocolUDP), udp(7000, to.port()), back.payload()),
			back.in6(back.ip6(layers.IPProtocolUDP), udp(7000, to.port()), back.payload()),
		}
		begun := []hail{{"datagrams", client, server, asked, true}, {"answers", server, client, answered, true}}
		n.expectHails(t, begun[:1])
		n.expectHails(t, begun[1:])
		var hails []hail
		add := func(what string, from, to *matrix.Party, about [][]byte, heard bool, change func(w *wire)) {
			w := newWire(from, to, n.vlan)
			change(&w)
			h := hail{what: what, from: from, to: to, heard: heard}
			for _, datagram := range about {
				h.frames = append(h.frames, w.errorsAbout(datagram)...)
			}
			hails = append(hails, h)
		}
		asIs := func(*wire) {}
		as := func(p *matrix.Party) func(w *wire) {
			return func(w *wire) { w.src4, w.src6 = p.Node.Address(4).AsSlice(), p.Node.Address(6).AsSlice() }
		}
		add("errors about what was asked", server, client, asked, true, asIs)
		add("errors about what was answered", client, server, answered, true, asIs)
		add("errors of a router about what was asked", out, client, asked, true, asIs)
		add("errors of a router about what was answered", out, server, answered, true, asIs)
		for _, eve := range hosts {
			eve := n.party("eve@" + eve)
			add("errors about what others asked", eve, client, asked, false, asIs)
			add("errors about what others answered", eve, server, answered, false, asIs)
			add("errors in the name of an end", eve, client, asked, false, as(server))
			add("errors in the name of the other", eve, server, answered, false, as(client))
		}
		add("errors about what another server was asked", n.party("server@h1"), client, newWire(client, out, n.vlan).udp(7000), false, asIs)
		add("errors of a router about what nobody asked", out, client, newWire(client, out, n.vlan).udp(7000), false, asIs)
		n.expectHails(t, hails)
		// And they have ended nothing.
		n.expectHails(t, begun)
	}
}
