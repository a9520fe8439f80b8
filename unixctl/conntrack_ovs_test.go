package unixctl_test

import (
	"context"
	"encoding/hex"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/internal/ovstest"

	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/unixctl"
)

// tracked is a switch that commits what enters port 1 in the zone 7 and what
// enters port 3 in the zone 8, each with mark 0x1234.
type tracked struct {
	*ovstest.OVS
	*unixctl.Client
	t *testing.T
}

func startTracked(t *testing.T) tracked {
	t.Helper()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br-int")
	v.AddPort("br-int", "p1", 1, "nic-1")
	v.AddPort("br-int", "p2", 2, "nic-2")
	v.AddPort("br-int", "p3", 3, "nic-3")
	for _, flow := range []string{
		"in_port=1,ip,actions=ct(table=1,zone=7)",
		"in_port=1,ipv6,actions=ct(table=1,zone=7)",
		"in_port=2,ip,actions=ct(table=1,zone=7)",
		"in_port=3,ip,actions=ct(table=1,zone=8)",
		"table=1,ct_state=+new,ct_zone=7,ip,actions=ct(commit,zone=7,exec(set_field:0x1234->ct_mark,set_field:0xabc0000000000000000000000000001->ct_label)),2",
		"table=1,ct_state=+new,ct_zone=7,ipv6,actions=ct(commit,zone=7,exec(set_field:0x1234->ct_mark)),2",
		"table=1,ct_state=+new,ct_zone=8,ip,actions=ct(commit,zone=8,exec(set_field:0x1234->ct_mark)),2",
		"table=1,ct_state=+est,in_port=1,actions=2",
		"table=1,ct_state=+est,in_port=2,actions=1",
	} {
		v.Ofctl("add-flow", "br-int", flow)
	}
	c := unixctl.Open(v.RunDir)
	t.Cleanup(func() { c.Close() })
	return tracked{v, c.ForDatapath(unixctl.DatapathName("dummy")), t}
}

// send injects a packet into a port. A packet without a megaflow is handled a
// little later, by another thread.
func (k tracked) send(port string, l ...gopacket.SerializableLayer) {
	k.t.Helper()
	if _, err := k.Call(context.Background(), "netdev-dummy/receive", port, hex.EncodeToString(frame(k.t, l...))); err != nil {
		k.t.Fatal(err)
	}
}

func frame(t *testing.T, l ...gopacket.SerializableLayer) []byte {
	t.Helper()
	eth := &layers.Ethernet{SrcMAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, DstMAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
	ip := l[0].(gopacket.NetworkLayer)
	if ip.LayerType() == layers.LayerTypeIPv6 {
		eth.EthernetType = layers.EthernetTypeIPv6
	}
	for _, layer := range l[1:] {
		if needs, ok := layer.(interface {
			SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
		}); ok {
			if err := needs.SetNetworkLayerForChecksum(ip); err != nil {
				t.Fatal(err)
			}
		}
	}
	buf := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, append([]gopacket.SerializableLayer{eth}, l...)...)
	if err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func ip4(src, dst string, proto layers.IPProtocol) *layers.IPv4 {
	return &layers.IPv4{Version: 4, TTL: 64, Protocol: proto, SrcIP: net.ParseIP(src), DstIP: net.ParseIP(dst)}
}

func ip6(src, dst string, proto layers.IPProtocol) *layers.IPv6 {
	return &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: proto, SrcIP: net.ParseIP(src), DstIP: net.ParseIP(dst)}
}

func (k tracked) dump(zone uint16) []unixctl.Conn {
	k.t.Helper()
	conns, err := k.DumpConntrack(context.Background(), zone)
	if err != nil {
		k.t.Fatal(err)
	}
	for i := range conns {
		if conns[i].Timeout <= 0 {
			k.t.Errorf("no timeout in %+v", conns[i])
		}
		conns[i].Timeout = 0
	}
	return conns
}

// expect waits until a zone holds exactly the wanted connections.
func (k tracked) expect(zone uint16, want []unixctl.Conn) {
	k.t.Helper()
	less := func(a, b unixctl.Conn) bool {
		return a.Proto < b.Proto || a.Proto == b.Proto && a.Orig.Dst.Less(b.Orig.Dst)
	}
	same := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	var diff string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if diff = cmp.Diff(want, k.dump(zone), cmpopts.SortSlices(less), same, cmpopts.EquateEmpty()); diff == "" {
			return
		}
	}
	k.t.Errorf("zone %d (-want +got):\n%s", zone, diff)
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// sendAll opens one connection of each kind in zone 7 and returns them.
func (k tracked) sendAll() []unixctl.Conn {
	k.t.Helper()
	a, b, a6, b6 := "10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"
	k.send("p1", ip4(a, b, layers.IPProtocolTCP), &layers.TCP{SrcPort: 40000, DstPort: 443, SYN: true, Seq: 1, Window: 1000})
	k.send("p1", ip4(a, b, layers.IPProtocolUDP), &layers.UDP{SrcPort: 40001, DstPort: 53})
	k.send("p1", ip4(a, b, layers.IPProtocolICMPv4), &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0), Id: 77, Seq: 1})
	k.send("p1", ip4(a, b, layers.IPProtocolGRE), gopacket.Payload("12345678"))
	k.send("p1", ip6(a6, b6, layers.IPProtocolUDP), &layers.UDP{SrcPort: 40001, DstPort: 53})
	k.send("p1", ip6(a6, b6, layers.IPProtocolICMPv6),
		&layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(128, 0)}, &layers.ICMPv6Echo{Identifier: 99, SeqNumber: 1})

	pair := func(src, dst string, sport, dport uint16) (orig, reply unixctl.Tuple) {
		return unixctl.Tuple{Src: addr(src), Dst: addr(dst), SPort: sport, DPort: dport}, unixctl.Tuple{Src: addr(dst), Dst: addr(src), SPort: dport, DPort: sport}
	}
	labels := [16]byte{0: 0x0a, 1: 0xbc, 15: 1}
	conn := func(proto uint8, src, dst string, sport, dport uint16) unixctl.Conn {
		c := unixctl.Conn{Proto: proto, Zone: 7, Mark: 0x1234}
		c.Orig, c.Reply = pair(src, dst, sport, dport)
		if c.Orig.Src.Is4() {
			c.Labels = labels
		}
		return c
	}
	tcp, ping, ping6 := conn(6, a, b, 40000, 443), conn(1, a, b, 0, 0), conn(58, a6, b6, 0, 0)
	tcp.State = "SYN_SENT"
	ping.Orig.ICMPID, ping.Orig.ICMPType = 77, 8
	ping.Reply.ICMPID, ping.Reply.ICMPType = 77, 0
	ping6.Orig.ICMPID, ping6.Orig.ICMPType = 99, 128
	ping6.Reply.ICMPID, ping6.Reply.ICMPType = 99, 129
	return []unixctl.Conn{tcp, conn(17, a, b, 40001, 53), ping, conn(47, a, b, 0, 0), conn(17, a6, b6, 40001, 53), ping6}
}

func TestConntrackDumpsWhatPacketsMade(t *testing.T) {
	t.Parallel()
	k := startTracked(t)
	want := k.sendAll()
	k.expect(7, want)
	k.expect(8, nil)

	k.send("p3", ip4("10.0.0.1", "10.0.0.2", layers.IPProtocolUDP), &layers.UDP{SrcPort: 1, DstPort: 2})
	zone8 := unixctl.Conn{Proto: 17, Zone: 8, Mark: 0x1234,
		Orig:  unixctl.Tuple{Src: addr("10.0.0.1"), Dst: addr("10.0.0.2"), SPort: 1, DPort: 2},
		Reply: unixctl.Tuple{Src: addr("10.0.0.2"), Dst: addr("10.0.0.1"), SPort: 2, DPort: 1}}
	k.expect(8, []unixctl.Conn{zone8})
	if all, err := k.DumpAllConntrack(context.Background()); err != nil || len(all) != len(want)+1 {
		t.Errorf("all zones: %d connections, %v", len(all), err)
	}

	t.Log("the answer of the TCP server makes the connection established")
	k.send("p2", ip4("10.0.0.2", "10.0.0.1", layers.IPProtocolTCP), &layers.TCP{SrcPort: 443, DstPort: 40000, SYN: true, ACK: true, Seq: 100, Ack: 2, Window: 1000})
	k.send("p1", ip4("10.0.0.1", "10.0.0.2", layers.IPProtocolTCP), &layers.TCP{SrcPort: 40000, DstPort: 443, ACK: true, Seq: 2, Ack: 101, Window: 1000})
	want[0].State = "ESTABLISHED"
	k.expect(7, want)

	t.Log("-m gives the same connections")
	text, err := k.Call(context.Background(), "dpctl/dump-conntrack", "-m", "dummy@ovs-dummy", "zone=7")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d connections from:\n%s", len(lines), text)
	}
	for _, line := range lines {
		c, err := unixctl.ParseConn(line)
		if err != nil || c.Proto == 6 && c.State != "ESTABLISHED" {
			t.Errorf("-m: %+v, %v", c, err)
		}
	}
}

func TestFlushTakesOneConnection(t *testing.T) {
	t.Parallel()
	k := startTracked(t)
	ctx := context.Background()
	left := k.sendAll()
	k.expect(7, left)
	pid := k.VswitchdPID()
	for len(left) > 0 {
		c := left[0]
		err := k.FlushConntrack(ctx, c)
		if errors.Is(err, unixctl.ErrFlushUnsafe) && c.Proto == packet.ProtoICMPv6 {
			t.Log(err)
			if err := k.FlushZone(ctx, 7); err != nil || len(left) != 1 { // it is the last one
				t.Fatal(err, left)
			}
		} else if err != nil {
			t.Fatalf("flush %+v: %v", c, err)
		}
		left = left[1:]
		k.expect(7, left)
	}
	if k.VswitchdPID() != pid {
		t.Fatal("ovs-vswitchd died")
	}

	t.Log("what is gone already is no error")
	gone := unixctl.Conn{Proto: 17, Zone: 7, Orig: unixctl.Tuple{Src: addr("10.0.0.1"), Dst: addr("10.0.0.2"), SPort: 40001, DPort: 53}}
	if err := k.FlushConntrack(ctx, gone); err != nil {
		t.Error(err)
	}
	t.Log("a zone at once")
	all := k.sendAll()
	k.expect(7, all)
	if err := k.FlushZone(ctx, 8); err != nil {
		t.Fatal(err)
	}
	k.expect(7, all)
	if err := k.FlushZone(ctx, 7); err != nil {
		t.Fatal(err)
	}
	k.expect(7, nil)
}

// TestFramesBelongToConnections: a packet-out of a connection's frame reaches its
// entry, whatever the protocol, and changes nothing else of it; one that is to
// begin the connection does, and takes the place of an entry that has it the
// wrong way round.
func TestFramesBelongToConnections(t *testing.T) {
	t.Parallel()
	k := startTracked(t)
	conns := k.sendAll()
	k.expect(7, conns)
	out := func(c unixctl.Conn, p unixctl.Purpose, zone string) {
		frame, err := unixctl.Frame(c, p)
		if err != nil {
			t.Fatal(err)
		}
		k.Ofctl("packet-out", "br-int", "in_port=controller packet="+hex.EncodeToString(frame)+
			" actions=ct(commit,force,zone="+zone+",exec(set_field:0x1/0x1->ct_label))")
	}
	touched, begun := slices.Clone(conns), slices.Clone(conns)
	for i, c := range conns {
		out(c, unixctl.Touch, "7")
		out(c, unixctl.Begin, "9")
		touched[i].Labels[15] |= 1
		begun[i].Zone, begun[i].Mark, begun[i].Labels = 9, 0, [16]byte{15: 1}
	}
	k.expect(7, touched)
	k.expect(9, begun)

	t.Log("the other way round")
	for i, c := range begun {
		if c.Proto == packet.ProtoICMP || c.Proto == packet.ProtoICMPv6 { // an answer begins nothing
			continue
		}
		c.Orig, c.Reply = c.Reply, c.Orig
		begun[i] = c
		out(c, unixctl.Begin, "9")
	}
	k.expect(9, begun)
	for _, c := range []unixctl.Conn{{Proto: 6}, {Proto: 6, Orig: unixctl.Tuple{Src: addr("10.0.0.1"), Dst: addr("::1")}}} {
		if _, err := unixctl.Frame(c, unixctl.Touch); err == nil {
			t.Errorf("%+v has a frame", c)
		}
	}
}

func TestFlushRefusesWhatIsNoConnection(t *testing.T) {
	t.Parallel()
	k := startTracked(t)
	for name, c := range map[string]unixctl.Conn{
		"no address":     {Proto: 6},
		"mixed families": {Proto: 6, Orig: unixctl.Tuple{Src: addr("10.0.0.1"), Dst: addr("::1")}},
		"scoped address": {Proto: 6, Orig: unixctl.Tuple{Src: addr("fe80::1%eth0"), Dst: addr("fe80::2")}},
		"ICMP error":     {Proto: 1, Orig: unixctl.Tuple{Src: addr("10.0.0.1"), Dst: addr("10.0.0.2"), ICMPType: 3}},
		"ICMPv6 error":   {Proto: 58, Orig: unixctl.Tuple{Src: addr("fd00::1"), Dst: addr("fd00::2"), ICMPType: 1}},
	} {
		if err := k.FlushConntrack(context.Background(), c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := k.Version(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	k := startTracked(t)
	ctx := context.Background()
	if err := k.SetLimits(ctx, unixctl.ZoneLimit{Zone: 7, Limit: 2}, unixctl.ZoneLimit{Zone: 9, Limit: 5}); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Call(ctx, "dpctl/ct-set-limits", "dummy@ovs-dummy", "default=100"); err != nil {
		t.Fatal(err)
	}
	k.sendAll()
	k.send("p3", ip4("10.0.0.1", "10.0.0.2", layers.IPProtocolUDP), &layers.UDP{SrcPort: 1, DstPort: 2})
	for len(k.dump(8)) == 0 { // that one was sent last
		time.Sleep(5 * time.Millisecond)
	}
	if got := k.dump(7); len(got) != 2 {
		t.Errorf("%d connections in a zone limited to 2", len(got))
	}
	if _, err := k.Call(ctx, "dpctl/ct-set-maxconns", "dummy@ovs-dummy", "77"); err != nil {
		t.Fatal(err)
	}
	all, err := k.DumpAllConntrack(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.GetTable(ctx); err != nil || got != (unixctl.Table{uint64(len(all)), 77}) || len(all) < 3 {
		t.Errorf("the table is %+v, %v, want %d connections of 77", got, err, len(all))
	}
	got, err := k.GetLimits(ctx)
	want := unixctl.Limits{Default: 100, Zones: []unixctl.ZoneLimit{{Zone: 7, Limit: 2, Count: 2}, {Zone: 9, Limit: 5}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("limits: %v (-want +got):\n%s", err, diff)
	}
	if _, err := k.Call(ctx, "dpctl/ct-del-limits", "dummy@ovs-dummy", "zone=7,9"); err != nil {
		t.Fatal(err)
	}
	got, err = k.GetLimits(ctx, 9)
	// The one connection of zone 8: zones under the default count together.
	want = unixctl.Limits{Default: 100, Zones: []unixctl.ZoneLimit{{Zone: 9, Limit: 100, Count: 1}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("limits of a zone without its own: %v (-want +got):\n%s", err, diff)
	}
}
