package ofconn_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/ovstest"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
)

// startSwitch starts a real ovs-vswitchd with the bridge br-int.
func startSwitch(t testing.TB) *ovstest.OVS {
	t.Helper()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br-int")
	return v
}

func dialSwitch(t testing.TB, v *ovstest.OVS) *ofconn.Conn {
	t.Helper()
	c, err := ofconn.Dial(testContext(t), filepath.Join(v.RunDir, "br-int.mgmt"), ofconn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// manyFlows are n flows in the shapes that occur: addresses, conjunctions, ct.
func manyFlows(n int) []openflow.Flow {
	flows := make([]openflow.Flow, 0, n)
	for i := range n {
		f := openflow.Flow{Cookie: 0x0f00000000000000 | uint64(i), Table: uint8(i % 4), Priority: uint16(100 + i%7)}
		switch i % 3 {
		case 0:
			f.Match = openflow.MustMatch(openflow.Metadata.Is(uint64(i)), openflow.EthType.Is(openflow.EthTypeIPv4),
				openflow.IPv4Src.IsAddr(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})))
			f.Actions = openflow.MustActions(openflow.SetField{Field: openflow.Reg0, Value: uint64(i)}, openflow.Resubmit{Table: 5})
		case 1:
			f.Match = openflow.MustMatch(openflow.Reg(1).Is(uint64(i)), openflow.EthType.Is(openflow.EthTypeIPv4),
				openflow.IPProto.Is(openflow.ProtoTCP), openflow.TCPDst.IsMasked(uint64(i)&0xfff0, 0xfff0))
			f.Actions = openflow.MustActions(openflow.Conjunction{ID: uint32(i), Clause: 1, Of: 2}, openflow.Conjunction{ID: uint32(i) + 1, Clause: 2, Of: 2})
		case 2:
			f.Match = openflow.MustMatch(openflow.ConjID.Is(uint64(i)), openflow.EthType.Is(openflow.EthTypeIPv6))
			f.Actions = openflow.MustActions(openflow.CT{Commit: true, Zone: uint16(i), Table: openflow.NoTable,
				Exec: []openflow.Action{openflow.SetField{Field: openflow.CTMark, Value: uint64(i)}}}, openflow.Resubmit{Table: 7})
		}
		flows = append(flows, f)
	}
	return flows
}

func adds(flows []openflow.Flow) []openflow.FlowMod {
	mods := make([]openflow.FlowMod, len(flows))
	for i, f := range flows {
		mods[i] = openflow.AddFlow(f)
	}
	return mods
}

func dump(t testing.TB, c *ofconn.Conn, cookie, mask uint64) map[openflow.Flow]bool {
	t.Helper()
	stats, err := c.Dump(testContext(t), cookie, mask)
	if err != nil {
		t.Fatal(err)
	}
	flows := make(map[openflow.Flow]bool)
	for _, s := range stats {
		flows[s.Flow] = true
	}
	return flows
}

func TestInstallAndDump(t *testing.T) {
	t.Parallel()
	c := dialSwitch(t, startSwitch(t))
	flows := manyFlows(20_000)
	if err := c.Bundle(testContext(t), adds(flows)); err != nil {
		t.Fatal(err)
	}
	have := dump(t, c, 0x0f00000000000000, 0xff00000000000000)
	if len(have) != len(flows) {
		t.Errorf("the dump has %d flows, want %d", len(have), len(flows))
	}
	for _, f := range flows {
		if !have[f] {
			t.Fatalf("the dump lacks %s", f)
		}
	}
	if got := dump(t, c, 1, 0xff); len(got) == 0 || len(got) > len(flows)/200 {
		t.Errorf("a dump of some cookies has %d flows", len(got))
	}
	sums, err := c.Aggregate(testContext(t), 0, 0)
	if err != nil || sums.Flows != uint32(len(flows)) {
		t.Errorf("aggregate says %+v, error %v", sums, err)
	}

	var deletes []openflow.FlowMod
	for _, f := range flows[:5000] {
		deletes = append(deletes, openflow.DeleteFlow(f.Key()))
	}
	if err := c.Bundle(testContext(t), deletes); err != nil {
		t.Fatal(err)
	}
	if have := dump(t, c, 0, 0); len(have) != len(flows)-5000 || have[flows[0]] {
		t.Errorf("%d flows are left", len(have))
	}
}

func TestRefusedMessageStopsTheBundle(t *testing.T) {
	t.Parallel()
	c := dialSwitch(t, startSwitch(t))
	// ct needs a match on IP: OFPBAC_MATCH_INCONSISTENT.
	bad := openflow.AddFlow(openflow.Flow{Table: 2, Priority: 7,
		Actions: openflow.MustActions(openflow.CT{Zone: 1, Table: 3})})
	mods := slices.Insert(adds(manyFlows(3000)), 1500, bad)
	mods = append(mods, bad)
	err := c.Bundle(testContext(t), mods)
	var refused *ofconn.BundleError
	if !errors.As(err, &refused) || len(refused.Refused) != 2 {
		t.Fatalf("error is %v", err)
	}
	if r := refused.Refused[0]; r.Index != 1500 || r.Mod != bad {
		t.Errorf("blamed is %d, %s", r.Index, r.Mod.Flow)
	}
	if !strings.Contains(err.Error(), "OFPBAC_MATCH_INCONSISTENT") || !strings.Contains(err.Error(), "table=2, priority=7") {
		t.Errorf("error does not say what and why: %v", err)
	}
	if have := dump(t, c, 0, 0); len(have) != 0 {
		t.Errorf("%d flows of the refused bundle are there", len(have))
	}
	err = c.Bundle(testContext(t), []openflow.FlowMod{bad})
	if !errors.As(err, &refused) || len(refused.Refused) != 1 || !strings.Contains(err.Error(), "table=2, priority=7") {
		t.Errorf("alone: error is %v", err)
	}
	if err := c.Bundle(testContext(t), adds(manyFlows(10))); err != nil {
		t.Errorf("the next bundle: %v", err)
	}
}

func TestFailedCommitChangesNothing(t *testing.T) {
	t.Parallel()
	c := dialSwitch(t, startSwitch(t))
	mods := append(adds(manyFlows(10)),
		openflow.AddFlow(openflow.Flow{Table: 9, Actions: openflow.MustActions(openflow.Group{ID: 77})}))
	err := c.Bundle(testContext(t), mods)
	var refused *ofconn.BundleError
	if !errors.As(err, &refused) || errors.Is(err, ofconn.ErrOutcomeUnknown) {
		t.Fatalf("error is %v", err)
	}
	if len(refused.Refused) != 1 || refused.Refused[0].Index != 10 || !errors.Is(err, openflow.ErrUnknownGroup) {
		t.Errorf("error is %v", err)
	}
	if have := dump(t, c, 0, 0); len(have) != 0 {
		t.Errorf("%d flows of the failed bundle are there", len(have))
	}
}

func TestMonitorSeesForeignChanges(t *testing.T) {
	t.Parallel()
	v := startSwitch(t)
	c := dialSwitch(t, v)
	first := manyFlows(100)
	if err := c.Bundle(testContext(t), adds(first)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(testContext(t))
	changes, err := c.Monitor(ctx, ofconn.MonitorOptions{Initial: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Monitor(ctx, ofconn.MonitorOptions{}); !errors.Is(err, ofconn.ErrMonitored) {
		t.Errorf("a second monitor: %v", err)
	}
	var waiting []openflow.FlowUpdate
	next := func() openflow.FlowUpdate {
		t.Helper()
		for len(waiting) == 0 {
			select {
			case ch, ok := <-changes:
				if !ok || ch.Resync {
					t.Fatalf("open %v, changes are %+v", ok, ch)
				}
				waiting = ch.Updates
			case <-time.After(20 * time.Second):
				t.Fatal("no update")
			}
		}
		u := waiting[0]
		waiting = waiting[1:]
		return u
	}
	initial := make(map[openflow.Flow]bool)
	for range first {
		if u := next(); u.Event == openflow.FlowInitial {
			initial[u.Flow] = true
		}
	}
	for _, f := range first {
		if !initial[f] {
			t.Fatalf("%s is not among the initial flows", f)
		}
	}

	v.Ofctl("add-flow", "br-int", "cookie=0x5,table=6,priority=9,tcp,tp_dst=80 actions=resubmit(,7)")
	want := openflow.Flow{Cookie: 5, Table: 6, Priority: 9,
		Match:   openflow.MustMatch(openflow.EthType.Is(0x800), openflow.IPProto.Is(6), openflow.TCPDst.Is(80)),
		Actions: openflow.MustActions(openflow.Resubmit{Table: 7})}
	if u := next(); u.Event != openflow.FlowAdded || u.Flow != want {
		t.Errorf("added: %s %s", u.Event, u.Flow)
	}
	v.Ofctl("mod-flows", "br-int", "table=6,tcp,tp_dst=80 actions=drop")
	want.Actions = openflow.Actions{}
	if u := next(); u.Event != openflow.FlowModified || u.Flow != want {
		t.Errorf("modified: %s %s", u.Event, u.Flow)
	}
	v.Ofctl("del-flows", "br-int", "table=6")
	if u := next(); u.Event != openflow.FlowRemovedNow || u.Flow.Key() != want.Key() {
		t.Errorf("removed: %s %s", u.Event, u.Flow)
	}
	if err := c.Bundle(testContext(t), adds(manyFlows(50))); err != nil {
		t.Fatal(err)
	}
	if u := next(); u.Event != openflow.FlowAbbreviated {
		t.Errorf("own change: %s %s", u.Event, u.Flow)
	}

	cancel()
	for range changes {
	}
	if changes, err = c.Monitor(testContext(t), ofconn.MonitorOptions{}); err != nil {
		t.Fatal(err)
	}
	v.Ofctl("add-flow", "br-int", "table=8 actions=drop")
	if u := next(); u.Event != openflow.FlowAdded || u.Flow.Table != 8 {
		t.Errorf("with the second monitor: %s %s", u.Event, u.Flow)
	}
}

// TestSlowMonitorIsToldToResync has the switch pause its updates, or this side
// drop them: both end in Resync.
func TestSlowMonitorIsToldToResync(t *testing.T) {
	t.Parallel()
	v := startSwitch(t)
	c, other := dialSwitch(t, v), dialSwitch(t, v)
	changes, err := c.Monitor(testContext(t), ofconn.MonitorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 { // each bundle is far more than the switch keeps for a monitor
		flows := manyFlows(40_000)
		if err := other.Bundle(testContext(t), adds(flows)); err != nil {
			t.Fatal(err)
		}
		if err := other.Bundle(testContext(t), []openflow.FlowMod{{Command: openflow.FlowDelete, Flow: openflow.Flow{Table: openflow.AllTables}}}); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.After(30 * time.Second)
	for {
		select {
		case ch := <-changes:
			if ch.Resync {
				return
			}
		case <-deadline:
			t.Fatal("no Resync")
		}
	}
}

func TestPacketOutComesBackIn(t *testing.T) {
	t.Parallel()
	v := startSwitch(t)
	v.AddPort("br-int", "p1", 1, "")
	c := dialSwitch(t, v)
	packets, err := c.PacketIns(testContext(t), 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PacketIns(testContext(t), 10); !errors.Is(err, ofconn.ErrSubscribed) {
		t.Errorf("a second subscriber: %v", err)
	}
	err = c.Bundle(testContext(t), []openflow.FlowMod{openflow.AddFlow(openflow.Flow{Cookie: 0xc0, Actions: openflow.MustActions(
		openflow.SetField{Field: openflow.Reg(3), Value: 33},
		openflow.Controller{MaxLen: openflow.NoBuffer, UserData: []byte("why")})})})
	if err != nil {
		t.Fatal(err)
	}
	frame := append([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5}, make([]byte, 50)...)
	err = c.PacketOut(testContext(t), openflow.PacketOut{InPort: 1, Packet: frame,
		Actions: openflow.MustActions(openflow.Output{Port: openflow.PortTable})})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case p := <-packets:
		reg, _, _ := p.Metadata.Uint64(openflow.Reg(3))
		if p.Cookie != 0xc0 || string(p.UserData) != "why" || !slices.Equal(p.Packet, frame) || reg != 33 {
			t.Errorf("packet-in is %+v", p)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no packet-in")
	}
	err = c.PacketOut(testContext(t), openflow.PacketOut{InPort: 1, Packet: frame,
		Actions: openflow.MustActions(openflow.Group{ID: 5})})
	var refused openflow.Error
	if !errors.As(err, &refused) {
		t.Errorf("a packet out to no group: %v", err)
	}
}

func TestFeatures(t *testing.T) {
	t.Parallel()
	v := startSwitch(t)
	c := dialSwitch(t, v)
	features, err := c.Features(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if id := fmt.Sprintf("%016x", features.DatapathID); !strings.Contains(v.Ofctl("show", "br-int"), id) {
		t.Errorf("datapath id is %s", id)
	}
	if err := c.Barrier(testContext(t)); err != nil {
		t.Error(err)
	}
}

func TestKilledSwitchEndsTheConnection(t *testing.T) {
	t.Parallel()
	v := startSwitch(t)
	c := dialSwitch(t, v)
	changes, err := c.Monitor(testContext(t), ofconn.MonitorOptions{})
	if err != nil {
		t.Fatal(err)
	}
	v.KillVswitchd()
	select {
	case <-c.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("the connection outlives ovs-vswitchd")
	}
	if _, open := <-changes; open {
		t.Error("the monitor goes on")
	}
	var op *ofconn.OpError
	if _, err := c.Dump(testContext(t), 0, 0); !errors.As(err, &op) || op.Op != "dump" || c.Err() == nil {
		t.Errorf("a dump says %v, the connection %v", err, c.Err())
	}
	v.StartVswitchd()
	for again := true; again; time.Sleep(10 * time.Millisecond) {
		c, err = ofconn.Dial(testContext(t), filepath.Join(v.RunDir, "br-int.mgmt"), ofconn.Options{})
		again = errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT) // not there yet
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Bundle(testContext(t), adds(manyFlows(10))); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}

func TestCancelledCallsLeaveTheConnectionUsable(t *testing.T) {
	t.Parallel()
	c := dialSwitch(t, startSwitch(t))
	if err := c.Bundle(testContext(t), adds(manyFlows(10_000))); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		ctx, cancel := context.WithTimeout(testContext(t), time.Duration(i)*300*time.Microsecond)
		if _, err := c.Dump(ctx, 0, 0); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if err := c.Bundle(ctx, adds(manyFlows(500))); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		cancel()
	}
	if have := dump(t, c, 0, 0); len(have) != 10_000 {
		t.Errorf("%d flows", len(have))
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	c := dialSwitch(t, startSwitch(t))
	flows := manyFlows(4000)
	var wg sync.WaitGroup
	for part := range slices.Chunk(flows, 500) {
		wg.Go(func() {
			for range 3 {
				if err := c.Bundle(testContext(t), adds(part)); err != nil {
					t.Error(err)
				}
				if _, err := c.Dump(testContext(t), part[0].Cookie, ^uint64(0)); err != nil {
					t.Error(err)
				}
				if err := c.Barrier(testContext(t)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if have := dump(t, c, 0, 0); len(have) != len(flows) {
		t.Errorf("%d flows, want %d", len(have), len(flows))
	}
}
