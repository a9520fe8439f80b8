package ofconn_test

import (
	"context"
	"errors"
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
	"github.com/ringfence/ringfence/openflow/wire"
)

// startSwitch starts a real ovs-vswitchd with the bridge br-int.
func startSwitch(tb testing.TB) *ovstest.OVS {
	tb.Helper()
	v := ovstest.Start(tb, ovstest.Options{})
	v.AddBridge("br-int")
	return v
}

func dialSwitch(tb testing.TB, v *ovstest.OVS) *ofconn.Conn {
	tb.Helper()
	c, err := ofconn.Dial(testContext(tb), filepath.Join(v.RunDir, "br-int.mgmt"), ofconn.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
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

func adds(flows []openflow.Flow) []wire.FlowMod {
	mods := make([]wire.FlowMod, len(flows))
	for i, f := range flows {
		mods[i] = wire.AddFlow(f)
	}
	return mods
}

func dump(tb testing.TB, c *ofconn.Conn, cookie, mask uint64) map[openflow.Flow]bool {
	tb.Helper()
	stats, err := c.Dump(testContext(tb), cookie, mask)
	if err != nil {
		tb.Fatal(err)
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

	var deletes []wire.FlowMod
	for _, f := range flows[:5000] {
		deletes = append(deletes, wire.DeleteFlow(f.Key()))
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
	bad := wire.AddFlow(openflow.Flow{Table: 2, Priority: 7,
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
	err = c.Bundle(testContext(t), []wire.FlowMod{bad})
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
		wire.AddFlow(openflow.Flow{Table: 9, Actions: openflow.MustActions(openflow.Group{ID: 77})}))
	err := c.Bundle(testContext(t), mods)
	var refused *ofconn.BundleError
	if !errors.As(err, &refused) || errors.Is(err, ofconn.ErrOutcomeUnknown) {
		t.Fatalf("error is %v", err)
	}
	if len(refused.Refused) != 1 || refused.Refused[0].Index != 10 || !errors.Is(err, wire.Error{Type: 2, Code: 9}) /* OFPBAC_BAD_OUT_GROUP */ {
		t.Errorf("error is %v", err)
	}
	if have := dump(t, c, 0, 0); len(have) != 0 {
		t.Errorf("%d flows of the failed bundle are there", len(have))
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
	case <-time.After(time.Minute):
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
				if err := c.Apply(testContext(t)); err != nil {
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
