package ofrules_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/ringfence/ringfence/internal/ovstest"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

var bothFamilies = []secgroup.Family{secgroup.FamilyIPv4, secgroup.FamilyIPv6}

// message is an ICMP message; its payload, of an even length, tells it from all
// others.
type message struct {
	f         secgroup.Family
	typ, code uint8
}

// everyMessage is one of every type, and one with a code.
func everyMessage() (all []message) {
	for _, f := range bothFamilies {
		for typ := range 256 {
			all = append(all, message{f, uint8(typ), 0}, message{f, uint8(typ), 1})
		}
	}
	return all
}

func (m message) mark() []byte { return []byte(fmt.Sprintf("<%s %3d/%d>", m.f, m.typ, m.code)) }

// frame carries the message from one NIC to another. Echo and its like have the
// identifier; behind the header stands what an error quotes.
func (m message) frame(from, to *secgroup.NIC, id uint16, quoted []byte) []byte {
	v6 := m.f == secgroup.FamilyIPv6
	body := slices.Concat([]byte{m.typ, m.code, 0, 0}, binary.BigEndian.AppendUint16(nil, id), []byte{0, 1}, quoted, m.mark())
	proto := layers.IPProtocolICMPv4
	if v6 {
		proto = layers.IPProtocolICMPv6
	}
	src, dst := addressOf(from, v6), addressOf(to, v6)
	withChecksum(proto, src, dst, body)
	if v6 {
		return frame6(from, to, proto, body)
	}
	return serialize(&layers.Ethernet{SrcMAC: from.MAC[:], DstMAC: to.MAC[:], EthernetType: layers.EthernetTypeIPv4},
		&layers.IPv4{Version: 4, TTL: 255, Protocol: proto, SrcIP: src.AsSlice(), DstIP: dst.AsSlice()}, gopacket.Payload(body))
}

// TestConntrackOfEveryICMPType holds secgroup's table of ICMP types to the
// connection tracker of the switch: what begins a connection, what belongs to
// one, what is about one, and what is nothing to it.
func TestConntrackOfEveryICMPType(t *testing.T) {
	t.Parallel()
	s := scenarioPolicy(t, "# two\nnic a blue-1 10.0.0.1 fd00:0:0:1::1\nnic b blue-1 10.0.0.2 fd00:0:0:1::2\n")
	a, b := s.NIC("a"), s.NIC("b")
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br")
	dir := t.TempDir()
	states := []string{"new", "est", "rel", "inv"} // port 10 + i
	v.AddPort("br", "in", 1, "")
	for i, state := range states {
		v.AddPort("br", state, uint32(10+i), "", "options:tx_pcap="+filepath.Join(dir, state))
	}
	v.Ofctl("del-flows", "br")
	for _, flow := range []string{
		"table=0,ip,actions=ct(zone=7,table=1)", "table=0,ipv6,actions=ct(zone=7,table=1)",
		"table=1,priority=9,ct_state=+inv+trk,actions=output:13",
		"table=1,priority=8,ct_state=+rel+trk,actions=output:12",
		"table=1,priority=7,ct_state=+est+trk,actions=output:11",
		// Only what b is sent becomes a connection, so that what a is sent is alone.
		"table=1,priority=6,ct_state=+new+trk,ip,nw_dst=10.0.0.2,actions=ct(commit,zone=7),output:10",
		"table=1,priority=6,ct_state=+new+trk,ipv6,ipv6_dst=fd00:0:0:1::2,actions=ct(commit,zone=7),output:10",
		"table=1,priority=5,ct_state=+new+trk,actions=output:10",
		"table=1,priority=0,arp,actions=drop",
	} {
		v.Ofctl("add-flow", "br", flow)
	}

	// carry sends messages and says what conntrack made of each.
	var carry func(t *testing.T, frames ...[]byte) []string
	carry = func(t *testing.T, frames ...[]byte) []string {
		t.Helper()
		if len(frames) > batch {
			return append(carry(t, frames[:batch]...), carry(t, frames[batch:]...)...)
		}
		seen := make(map[string]int)
		for _, state := range states {
			seen[state] = len(captured(t, filepath.Join(dir, state)))
		}
		args := []string{"netdev-dummy/receive", "in"}
		for _, f := range frames {
			args = append(args, hex.EncodeToString(f))
		}
		v.Appctl(args...)
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
			out, n := make([]string, len(frames)), 0
			for _, state := range states {
				for _, got := range captured(t, filepath.Join(dir, state))[seen[state]:] {
					if i := slices.IndexFunc(frames, func(f []byte) bool { return bytes.Equal(f, got) }); i >= 0 && out[i] == "" {
						out[i], n = state, n+1
					}
				}
			}
			if n == len(frames) {
				return out
			}
			if time.Now().After(deadline) {
				t.Fatalf("%d of %d frames came out", n, len(frames))
			}
		}
	}

	t.Run("alone", func(t *testing.T) {
		all := everyMessage()
		var frames [][]byte
		for _, m := range all {
			frames = append(frames, m.frame(b, a, 99, nil))
		}
		for i, got := range carry(t, frames...) {
			m, want := all[i], "inv"
			if secgroup.ICMPClassOf(m.f, m.typ) == secgroup.ICMPRequest && m.code == 0 {
				want = "new"
			}
			if got != want {
				t.Errorf("%s %d/%d is %s, want %s", m.f, m.typ, m.code, got, want)
			}
			if begins := secgroup.ICMPBegins(m.f, m.typ, m.code); begins != (want == "new" || secgroup.ICMPClassOf(m.f, m.typ) == secgroup.ICMPStateless) {
				t.Errorf("%s %d/%d begins: %v", m.f, m.typ, m.code, begins)
			}
		}
	})
	t.Run("answers", func(t *testing.T) {
		answer := map[message]message{}
		for _, f := range bothFamilies {
			for typ := range 256 {
				if reply, ok := secgroup.ICMPAnswer(f, uint8(typ)); ok {
					answer[message{f, uint8(typ), 0}] = message{f, reply, 0}
				}
			}
		}
		replies := 0
		for request, reply := range answer {
			if secgroup.ICMPClassOf(reply.f, reply.typ) != secgroup.ICMPReply {
				t.Errorf("%v is no reply", reply)
			}
			withCode := reply
			withCode.code = 1
			got := append(carry(t, request.frame(a, b, 7, nil)), carry(t, reply.frame(b, a, 7, nil), withCode.frame(b, a, 7, nil), reply.frame(b, a, 8, nil))...)
			if want := []string{"new", "est", "inv", "inv"}; !slices.Equal(got, want) {
				t.Errorf("%v and %v: %v, want %v", request, reply, got, want)
			}
			replies++
		}
		for _, m := range everyMessage() {
			if m.code == 0 && secgroup.ICMPClassOf(m.f, m.typ) == secgroup.ICMPReply {
				replies--
			}
		}
		if replies != 0 {
			t.Errorf("%d requests have no reply of their own", replies)
		}
	})
	t.Run("about a connection", func(t *testing.T) {
		quoted := map[secgroup.Family][]byte{}
		for _, f := range bothFamilies {
			udp := udpFrame(a, b, f == secgroup.FamilyIPv6, 40000, 53)
			if got := carry(t, udp); got[0] != "new" {
				t.Fatalf("%s: %v", f, got)
			}
			quoted[f] = udp[14:]
		}
		all := everyMessage()
		var frames [][]byte
		for _, m := range all {
			frames = append(frames, m.frame(b, a, 0, quoted[m.f]))
		}
		for i, got := range carry(t, frames...) {
			m := all[i]
			class := secgroup.ICMPClassOf(m.f, m.typ)
			// Of ICMPv6 errors this switch knows those that are in use.
			if related := class == secgroup.ICMPError && (m.f == secgroup.FamilyIPv4 || 1 <= m.typ && m.typ <= 4); (got == "rel") != related {
				t.Errorf("%s %d/%d is %s", m.f, m.typ, m.code, got)
			}
		}
	})
}

// udpFrame is a datagram from one NIC to another.
func udpFrame(from, to *secgroup.NIC, v6 bool, src, dst uint16) []byte {
	udp := payloadOf(layers.IPProtocolUDP, src, dst, 20)
	withChecksum(layers.IPProtocolUDP, addressOf(from, v6), addressOf(to, v6), udp)
	if v6 {
		return frame6(from, to, layers.IPProtocolUDP, udp)
	}
	return serialize(&layers.Ethernet{SrcMAC: from.MAC[:], DstMAC: to.MAC[:], EthernetType: layers.EthernetTypeIPv4},
		&layers.IPv4{Version: 4, TTL: 255, Protocol: layers.IPProtocolUDP, SrcIP: addressOf(from, false).AsSlice(), DstIP: addressOf(to, false).AsSlice()},
		gopacket.Payload(udp))
}

// captured reads the frames of a capture that is being written.
func captured(t *testing.T, path string) (frames [][]byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := pcapgo.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil // not even its head
	}
	for {
		data, _, err := r.ReadPacketData()
		if err != nil { // the end, or a frame being written
			return frames
		}
		frames = append(frames, data)
	}
}

// TestEveryICMPTypeIsJudged sends a message of every type, alone, through a real
// switch: it arrives where the semantics say, also the second time.
func TestEveryICMPTypeIsJudged(t *testing.T) {
	t.Parallel()
	s := scenarioPolicy(t, `# every type
group open
rule open/r1 ingress all
group icmp
rule icmp/r1 ingress icmp
group some
rule some/r1 ingress icmp type 17 ipv4
rule some/r2 ingress icmp type 143 code 0 ipv6
rule some/r3 ingress icmp type 0
rule some/r4 ingress icmp type 139
rule some/r5 ingress icmp type 3
rule some/r6 ingress icmp type 8
group none
group narrow listed
rule narrow/r1 egress icmp type 132
rule narrow/r2 egress icmp type 30
nic a blue-1 10.0.0.1 fd00:0:0:1::1
nic narrow blue-1 10.0.0.2 fd00:0:0:1::2
nic open blue-1 10.0.0.3 fd00:0:0:1::3
nic icmp blue-1 10.0.0.4 fd00:0:0:1::4
nic some blue-1 10.0.0.5 fd00:0:0:1::5
nic none blue-1 10.0.0.6 fd00:0:0:1::6
attach narrow narrow
attach open open
attach icmp icmp
attach some some
attach none none
attach none a
`)
	l := startLive(t, s)
	arrived := 0
	for _, ends := range [][2]string{{"a", "open"}, {"a", "icmp"}, {"a", "some"}, {"a", "none"}, {"narrow", "open"}, {"narrow", "some"}} {
		from, to := s.NIC(ends[0]), s.NIC(ends[1])
		all := slices.DeleteFunc(everyMessage(), func(m message) bool {
			return m.f == secgroup.FamilyIPv6 && (m.typ == 135 || m.typ == 136) // theirs are other tests
		})
		var frames [][]byte
		for _, m := range all {
			frames = append(frames, m.frame(from, to, 0, nil))
		}
		for round := range 2 {
			got := l.send(t, from, to, frames...)
			for i, m := range all {
				p := packet.Tuple{Src: addressOf(from, m.f == secgroup.FamilyIPv6), Dst: addressOf(to, m.f == secgroup.FamilyIPv6), ICMPType: m.typ, ICMPCode: m.code}
				if p.Proto = packet.ProtoICMP; m.f == secgroup.FamilyIPv6 {
					p.Proto = packet.ProtoICMPv6
				}
				egress, ingress, allow := verdict.Decide(s, from, to, p)
				if here := slices.ContainsFunc(got, func(f []byte) bool { return bytes.Equal(f, frames[i]) }); here != allow {
					t.Errorf("round %d, %s > %s, %s %d/%d: arrives %v, %s, %s", round, from.ID, to.ID, m.f, m.typ, m.code, here, egress.Reason, ingress.Reason)
				} else if here {
					arrived++
				}
			}
		}
	}
	t.Logf("%d messages arrived", arrived)
	if arrived < 1000 {
		t.Errorf("only %d messages arrived", arrived)
	}
}
