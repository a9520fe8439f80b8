package controller

import (
	"flag"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/internal/slowness"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
	"github.com/ringfence/ringfence/unixctl"
)

// massPromised is how many connections of one rule are cut within a second.
const massPromised = 20000

var massFlag = flag.Int("mass", massPromised, "how many connections TestMassRevocation cuts: of more nothing is promised, and of any other number it logs how soon others' changes are in the switch meanwhile")

// TestMassRevocation: 20,000 connections of one rule are cut within a second,
// and cost no flow; another rule's stay as they are.
func TestMassRevocation(t *testing.T) {
	if testing.Short() {
		t.Skip("the promise is that of a program without the race detector")
	}
	massConnections := *massFlag
	r, p := newRig(t), small.New()
	r.withUplink()
	if err := r.store.AdoptCluster(t.Context()); err != nil { // who reads reports knows that a NIC may be further than its host
		t.Fatal(err)
	}
	r.store.Join(store.ClusterMember{ID: "api"})
	r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.Attach("web", "a1")), secgroup.Put(small.Attach("db", "a2")))...)
	rev := r.write(p.Rule("web", "udp", secgroup.Ingress, "udp", udpService, ""), p.Rule("web", "other", secgroup.Ingress, "udp", udpService+1, ""))
	r.start()
	r.plugged(1, 2)
	r.applied(rev)
	k := talk{client: netip.MustParseAddr("192.0.2.7"), proto: layers.IPProtocolUDP, port: 40000}
	r.begin(k)
	mark, zone := r.all()[0].Mark, r.all()[0].Zone
	r.ovs.Appctl("dpctl/ct-set-limits", unixctl.DatapathName("dummy"), fmt.Sprintf("zone=%d,limit=1000000", zone))
	r.fill(zone, mark, udpService, massConnections)
	r.fill(zone, mark, udpService+1, 100) // credited to the one, allowed by the other
	flows := r.flows()
	var ports []int // of rules that are added meanwhile
	if massConnections != massPromised {
		ports = []int{2001, 2002, 2003, 2004, 2005, 2006}
	}
	alone := r.seen(p, ports[:len(ports)/6]...)
	probe, start := slowness.Start(t), time.Now()
	rev = r.write(p.NoRule("web", "udp"))
	beside := make(chan []time.Duration, 1)
	go func() {
		defer close(beside) // also where it fails
		beside <- r.seen(p, ports[len(alone):]...)
	}()
	if massConnections != massPromised {
		r.heldUp(p, rev)
	}
	r.applied(rev)
	took := time.Since(start)
	t.Logf("a rule of another NIC's group added: in the switch after %v before, after %v meanwhile", alone, <-beside)
	for _, port := range ports {
		rev = r.write(p.NoRule("db", fmt.Sprint("seen", port)))
	}
	r.applied(rev)
	t.Logf("%d connections cut and the change applied in %v", massConnections, took)
	// The promise is of the program as it is delivered. "make test" runs this
	// test without the race detector, too.
	if err := probe.Hold(time.Second, took); err != nil && !raced && massConnections <= massPromised {
		t.Errorf("20,000 connections cut: %v", err)
	}
	cut, open := 0, 0
	for _, c := range r.all() {
		if is := ofrules.IsCut(c.Labels); is != (c.Orig.DPort == udpService) {
			t.Fatalf("cut %v: %+v", is, c)
		} else if is {
			cut++
		} else {
			open++
		}
	}
	if cut < massConnections || open != 100 {
		t.Errorf("%d connections are cut and %d open", cut, open)
	}
	if now := r.flows(); len(now) >= len(flows) {
		t.Errorf("%d flows, before %d", len(now), len(flows))
	}
	if in, out := r.heard(k); in != 0 || out != 0 {
		t.Errorf("the server hears %d and the client %d", in, out)
	}
	start = time.Now()
	r.applied(r.write(p.Rule("db", "any", secgroup.Ingress, "udp", 99, "")))
	t.Logf("a change that only adds, with %d tombstones: %v", cut, time.Since(start))
	start = time.Now()
	r.applied(r.write(p.NoRule("db", "any")))
	t.Logf("a rule of another NIC's group removed, with as many: %v", time.Since(start))
}

// heldUp adds a rule to group db while the removal at a revision is being brought
// about, and tells how long it takes to be applied.
func (r *rig) heldUp(p *small.Policy, removal int64) {
	r.t.Helper()
	begin := time.Now()
	rev := r.write(p.Rule("db", "other", secgroup.Ingress, "udp", 98, ""))
	h := r.status("the other NIC is at the rule of its group", func(h store.HostStatus) bool {
		return slices.ContainsFunc(h.NICs, func(n store.HostNIC) bool { return n.ID == "a2" && n.Applied >= rev })
	})
	r.t.Logf("a rule of another NIC's group is applied after %v; the host as a whole is at the removal: %v", time.Since(begin), h.Applied >= removal)
	r.write(p.NoRule("db", "other"))
}

// seen adds rules to group db, one after the other, and tells how long each takes to
// be in the switch, by its own trace.
func (r *rig) seen(p *small.Policy, ports ...int) (took []time.Duration) {
	for _, port := range ports {
		begin := time.Now()
		r.write(p.Rule("db", fmt.Sprint("seen", port), secgroup.Ingress, "udp", uint16(port), ""))
		for delivered := false; !delivered && time.Since(begin) < patience; {
			_, delivered = r.trace(1, 2, "udp", port)
		}
		took = append(took, time.Since(begin).Round(time.Millisecond))
	}
	return took
}

// fill puts UDP connections of a1 into its zone, as packets from outside do.
func (r *rig) fill(zone uint16, mark uint32, port uint16, n int) {
	r.t.Helper()
	conn, err := ofconn.Dial(r.t.Context(), r.ovs.MgmtSock(bridge), ofconn.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	defer conn.Close()
	begin := openflow.MustActions(openflow.CT{
		Commit: true, Zone: zone, Table: openflow.NoTable, Exec: []openflow.Action{openflow.SetField{Field: openflow.CTMark, Value: uint64(mark)}},
	})
	var out []wire.PacketOut
	for i := range n {
		src := netip.AddrFrom4([4]byte{198, byte(18 + i>>16), byte(i >> 8), byte(i)})
		frame, err := unixctl.Frame(unixctl.Conn{Proto: openflow.ProtoUDP, Orig: unixctl.Tuple{Src: src, Dst: small.Address4(1), SPort: 40000, DPort: port}}, unixctl.Begin)
		if err != nil {
			r.t.Fatal(err)
		}
		out = append(out, wire.PacketOut{InPort: openflow.PortController, Actions: begin, Packet: frame})
	}
	for batch := range slices.Chunk(out, 500) {
		if err := conn.PacketOut(r.t.Context(), batch...); err != nil {
			r.t.Fatal(err)
		}
	}
}
