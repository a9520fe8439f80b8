package controller

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/unixctl"
)

// plugged plugs NICs and waits until they are ready.
func (r *rig) plugged(nics ...int) {
	r.t.Helper()
	ids := []string{}
	for _, n := range nics {
		r.plug(n)
		ids = append(ids, fmt.Sprintf("a%d", n))
	}
	r.applied(0, ids...)
}

// passes checks that the first packet of a connection from one NIC to another
// comes out at the other's port.
func (r *rig) passes(from, to int, proto string, port int) {
	r.t.Helper()
	if text, delivered := r.trace(from, to, proto, port); !delivered {
		r.t.Errorf("%s %d from a%d to a%d does not pass:\n%s", proto, port, from, to, text)
	}
}

// dropped checks that it does not.
func (r *rig) dropped(from, to int, proto string, port int) {
	r.t.Helper()
	if text, delivered := r.trace(from, to, proto, port); delivered {
		r.t.Errorf("%s %d from a%d to a%d passes:\n%s", proto, port, from, to, text)
	}
}

func (r *rig) trace(from, to int, proto string, port int) (text string, delivered bool) {
	r.t.Helper()
	src, dst := small.NIC(from), small.NIC(to)
	flow := fmt.Sprintf("in_port=%d,%s,dl_src=%s,dl_dst=%s,nw_src=%s,nw_dst=%s,nw_ttl=64,%[2]s_src=40000,%[2]s_dst=%[7]d",
		from, proto, src.MAC, dst.MAC, src.Addresses[0], dst.Addresses[0], port)
	if proto == "tcp" {
		flow += ",tcp_flags=syn"
	}
	text = r.ovs.Trace(bridge, flow)
	return text, strings.Contains(text, fmt.Sprintf("-> output port is %d\n", to))
}

// firstPacket is a connection's first packet.
type firstPacket struct {
	from, to     int // NICs
	proto        layers.IPProtocol
	sport, dport uint16
	v6           bool
}

func (p firstPacket) reply() firstPacket {
	p.from, p.to, p.sport, p.dport = p.to, p.from, p.dport, p.sport
	return p
}

func (p firstPacket) addresses() (src, dst netip.Addr) {
	if p.v6 {
		return small.Address6(p.from), small.Address6(p.to)
	}
	return small.Address4(p.from), small.Address4(p.to)
}

func (p firstPacket) String() string {
	src, dst := p.addresses()
	return fmt.Sprintf("%v %v:%d > %v:%d", p.proto, src, p.sport, dst, p.dport)
}

// clientPort is the first of a client's ports.
const clientPort = 40000

// tcp and the others make packets from a client's port.
func tcp(from, to int, port uint16) firstPacket {
	return firstPacket{from: from, to: to, proto: layers.IPProtocolTCP, sport: clientPort, dport: port}
}

func udp(from, to int, port uint16) firstPacket {
	return firstPacket{from: from, to: to, proto: layers.IPProtocolUDP, sport: clientPort, dport: port}
}

func ping6(from, to int) firstPacket {
	return firstPacket{from: from, to: to, proto: layers.IPProtocolICMPv6, sport: 77, v6: true}
}

// send injects a packet at its source's port, and waits until the switch has dealt
// with it: it takes several that are injected at once port by port, and not in their
// order.
func (r *rig) send(p firstPacket) {
	r.t.Helper()
	r.sendAt(p.iface(), p)
}

// iface is the interface of a packet's source.
func (p firstPacket) iface() string { return fmt.Sprintf("p%d", p.from) }

// deliver injects frames at an interface where nobody else does, and waits until
// the switch has dealt with all of them: it takes them one by one, and counts them.
func (r *rig) deliver(iface string, frames ...string) {
	r.t.Helper()
	before := r.received(iface)
	for _, frame := range frames {
		r.inject(iface, frame)
	}
	r.eventually(patience, "the switch takes what comes from "+iface, func() string {
		if taken := r.received(iface); taken < before+uint64(len(frames)) {
			return fmt.Sprintf("%d of %d frames", taken-before, len(frames))
		}
		return ""
	})
}

// received is how many frames the switch has taken from an interface, and sent how
// many it has given to it.
func (r *rig) received(iface string) uint64 {
	r.t.Helper()
	return r.frames(iface, "rx")
}

func (r *rig) sent(iface string) uint64 {
	r.t.Helper()
	return r.frames(iface, "tx")
}

// frames asks over a connection that stays: it is asked for again and again, and a
// program that is started each time takes sixty times as long.
func (r *rig) frames(iface, way string) (n uint64) {
	r.t.Helper()
	all, err := r.ctl.Call(r.t.Context(), "dpctl/show", "-s", unixctl.DatapathName("dummy"))
	if err != nil {
		r.t.Fatal(err)
	}
	_, port, _ := strings.Cut(all, ": "+iface+" (")
	_, text, _ := strings.Cut(port, strings.ToUpper(way)+" packets:")
	if _, err := fmt.Sscanf(text, "%d", &n); err != nil {
		r.t.Fatalf("frames of %s: %v in %s", iface, err, all)
	}
	return n
}

func (r *rig) sendAt(iface string, p firstPacket) {
	r.t.Helper()
	r.deliver(iface, p.frame(r.t))
}

// frame is a packet's Ethernet frame, in hexadecimal.
func (p firstPacket) frame(t *testing.T) string {
	t.Helper()
	src, dst := p.addresses()
	from, to := small.NIC(p.from).MAC, small.NIC(p.to).MAC
	eth := &layers.Ethernet{SrcMAC: from[:], DstMAC: to[:], EthernetType: layers.EthernetTypeIPv4}
	var ip interface {
		gopacket.NetworkLayer
		gopacket.SerializableLayer
	} = &layers.IPv4{Version: 4, TTL: 64, Protocol: p.proto, SrcIP: net.IP(src.AsSlice()), DstIP: net.IP(dst.AsSlice())}
	if p.v6 {
		eth.EthernetType = layers.EthernetTypeIPv6
		ip = &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: p.proto, SrcIP: net.IP(src.AsSlice()), DstIP: net.IP(dst.AsSlice())}
	}
	all := []gopacket.SerializableLayer{eth, ip}
	switch p.proto {
	case layers.IPProtocolTCP:
		l := &layers.TCP{SrcPort: layers.TCPPort(p.sport), DstPort: layers.TCPPort(p.dport), SYN: true, Seq: 1, Window: 1000}
		if p.dport >= clientPort {
			l.ACK, l.Ack = true, 2
		}
		all = append(all, l)
	case layers.IPProtocolUDP:
		all = append(all, &layers.UDP{SrcPort: layers.UDPPort(p.sport), DstPort: layers.UDPPort(p.dport)})
	case layers.IPProtocolICMPv6:
		all = append(all, &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(128, 0)}, &layers.ICMPv6Echo{Identifier: p.sport, SeqNumber: 1})
	}
	for _, l := range all {
		if needs, ok := l.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := needs.SetNetworkLayerForChecksum(ip); err != nil {
				t.Fatal(err)
			}
		}
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, all...); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(buf.Bytes())
}

// open opens connections and waits until both ends' zones have them.
func (r *rig) open(packets ...firstPacket) {
	r.t.Helper()
	for _, p := range packets {
		r.send(p)
	}
	r.eventually(patience, "connections are open", func() string {
		for _, p := range packets {
			if n := len(r.entries(p)); n != 2 {
				return fmt.Sprintf("%v has %d entries", p, n)
			}
		}
		return ""
	})
}

// isOpen checks that both ends' zones have a connection.
func (r *rig) isOpen(p firstPacket) {
	r.t.Helper()
	if found := r.entries(p); len(found) != 2 || r.cutIn(p) > 0 {
		r.t.Errorf("%v has entries %+v", p, found)
	}
}

// isCut checks that a connection is cut in some zone, and goes on to the end of
// neither that it has not reached.
func (r *rig) isCut(p firstPacket) {
	r.t.Helper()
	if r.cutIn(p) == 0 {
		r.t.Errorf("%v is open: %+v", p, r.entries(p))
	}
	for _, way := range []firstPacket{p, p.reply()} {
		iface := fmt.Sprintf("p%d", way.to)
		before := r.sent(iface)
		r.deliver(way.iface(), way.frame(r.t))
		if got := r.sent(iface) - before; got != 0 {
			r.t.Errorf("%v passes", way)
		}
	}
	if r.cutIn(p) == 0 {
		r.t.Errorf("%v is open again: %+v", p, r.entries(p))
	}
}

// cutIn is in how many zones a connection is cut.
func (r *rig) cutIn(p firstPacket) (zones int) {
	r.t.Helper()
	for _, c := range r.entries(p) {
		if ofrules.IsCut(c.Labels) {
			zones++
		}
	}
	return zones
}

// entries returns the conntrack entries of a connection.
func (r *rig) entries(p firstPacket) []unixctl.Conn {
	r.t.Helper()
	all, err := r.ctl.ForDatapath(unixctl.DatapathName("dummy")).DumpAllConntrack(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	src, dst := p.addresses()
	var found []unixctl.Conn
	for _, c := range all {
		ports := c.Orig.SPort == p.sport && c.Orig.DPort == p.dport || p.proto == layers.IPProtocolICMPv6 && c.Orig.ICMPID == p.sport
		if c.Orig.Src == src && c.Orig.Dst == dst && ports && c.Proto == uint8(p.proto) {
			found = append(found, c)
		}
	}
	return found
}
