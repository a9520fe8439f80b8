package ofrules_test

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/internal/ovstest"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// BenchmarkConnectionsWithinAHost has NICs of one group begin connections with
// each other inside a host: each is a datagram, the answer to it, and another.
// It reports the processor's time that ovs-vswitchd takes for one, which includes
// reading it from the control socket, and how many megaflows there are then.
func BenchmarkConnectionsWithinAHost(b *testing.B) {
	const ends, batch = 10, 50 // clients, and as many servers; connections begun at a time
	v := ovstest.Start(b, ovstest.Options{})
	v.AddBridge("br")
	ctl := unixctl.Open(v.RunDir)
	defer ctl.Close()
	web := secgroup.GroupRef{Account: "a", ID: "web"}
	group := &secgroup.Group{GroupRef: web, Name: "web", IsDefault: true}
	n := 0
	group.Rules = secgroup.DefaultRules(web, func() string { n++; return fmt.Sprint("d", n) })
	group.Normalize()
	network := &secgroup.Network{ID: "net", Type: secgroup.NetworkVPC, VPC: "v", RoutingDomain: "vpc:v", VLAN: 7}
	changes := []secgroup.Change{secgroup.Put(&secgroup.Account{ID: "a"}), secgroup.Put(network), secgroup.Put(group)}
	host := ofrules.Host{Ports: map[string]ofrules.Port{}}
	var args []string
	var nics []*secgroup.NIC
	for i := range 2 * ends {
		nic := &secgroup.NIC{
			ID: fmt.Sprint("n", i), Account: "a", Network: "net", MAC: secgroup.MAC{2, 5: byte(i + 1)}, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})},
		}
		nic.Normalize()
		nics = append(nics, nic)
		changes = append(changes, secgroup.Put(nic))
		host.Ports[nic.ID] = ofrules.Port{OFPort: uint32(i + 1), Zone: uint16(i + 1)}
		args = append(args, "--", "add-port", "br", nic.ID, "--", "set", "interface", nic.ID, "type=dummy", fmt.Sprint("ofport_request=", i+1))
	}
	v.Vsctl(args[1:]...)
	s := secgroup.NewSnapshot()
	s, _ = s.With(1, changes)
	conn, err := ofconn.Dial(b.Context(), v.MgmtSock("br"), ofconn.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	var mods []wire.FlowMod
	for _, f := range ofrules.New().Reset(ofrules.Share(s, host), host).Put {
		mods = append(mods, wire.AddFlow(f))
	}
	if err := conn.Bundle(b.Context(), mods); err != nil {
		b.Fatal(err)
	}
	inject := func(from, to *secgroup.NIC, sport, dport, many int, reply bool) {
		args := []string{from.ID}
		for i := range many {
			src, dst := sport+i, dport
			if reply {
				src, dst = dport, sport+i
			}
			args = append(args, datagram(b, from, to, uint16(src), uint16(dst)))
		}
		if _, err := ctl.Call(b.Context(), "netdev-dummy/receive", args...); err != nil {
			b.Fatal(err)
		}
	}
	used := func() float64 { // microseconds
		text, err := os.ReadFile(filepath.Join(v.RunDir, "ovs-vswitchd.pid"))
		if err == nil {
			text, err = os.ReadFile("/proc/" + strings.TrimSpace(string(text)) + "/stat")
		}
		if err != nil {
			b.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		user, _ := strconv.Atoi(fields[11]) // utime and stime, in hundredths of a second
		system, _ := strconv.Atoi(fields[12])
		return float64(user+system) * 1e4
	}
	before, begun := used(), 0
	for b.Loop() {
		pair := begun / batch
		client, server := nics[pair%ends], nics[ends+pair/ends%ends]
		sport := 1024 + pair/(ends*ends)%1000*batch
		inject(client, server, sport, 53, batch, false)
		inject(server, client, sport, 53, batch, true)
		inject(client, server, sport, 53, batch, false)
		begun += batch
	}
	b.StopTimer()
	b.ReportMetric((used()-before)/float64(begun), "cpu-µs/connection")
	text, err := ctl.Call(b.Context(), "dpctl/dump-flows")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(strings.Count(text, "recirc_id(")), "megaflows")
	if conns, err := ctl.ForDatapath(unixctl.DatapathName("dummy")).DumpAllConntrack(b.Context()); err != nil || len(conns) < begun {
		b.Errorf("%d entries of %d connections: %v", len(conns), begun, err)
	}
}

func datagram(tb testing.TB, from, to *secgroup.NIC, sport, dport uint16) string {
	tb.Helper()
	eth := &layers.Ethernet{SrcMAC: from.MAC[:], DstMAC: to.MAC[:], EthernetType: layers.EthernetTypeIPv4}
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: net.IP(from.Addresses[0].AsSlice()), DstIP: net.IP(to.Addresses[0].AsSlice())}
	udp := &layers.UDP{SrcPort: layers.UDPPort(sport), DstPort: layers.UDPPort(dport)}
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		tb.Fatal(err)
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, udp); err != nil {
		tb.Fatal(err)
	}
	return hex.EncodeToString(buf.Bytes())
}
