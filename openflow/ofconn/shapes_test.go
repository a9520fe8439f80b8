package ofconn_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
)

// A second bundle of the same shapes is committed before the switch has said
// anything about it; one of a new shape is not.
func TestKnownShapesAreCommittedAtOnce(t *testing.T) {
	t.Parallel()
	f, w := &fakeSwitch{}, &withholder{}
	f.answer = w.answer
	f.start(t)
	c := f.dial(t, ofconn.Options{})
	for i, step := range []struct {
		mods   []wire.FlowMod
		atOnce bool
	}{
		{adds(manyFlows(9)[:6]), false},
		{adds(manyFlows(9)[3:]), false}, // other tables
		{adds(manyFlows(9)), true},
		{adds(slices.Concat(manyFlows(17)[12:14], manyFlows(17)[15:17])), true}, // other values, no ct
		{adds(manyFlows(15)[12:15]), false},                                     // another zone
		{append(adds(manyFlows(9)), wire.DeleteFlow(manyFlows(1)[0].Key())), false},
		{append(adds(manyFlows(9)), wire.DeleteFlow(manyFlows(13)[12].Key())), true},
	} {
		w.early.Store(step.atOnce)
		if err := c.Bundle(testContext(t), step.mods); err != nil {
			t.Fatalf("bundle %d: %v", i, err)
		}
		if w.open.Load() != 0 {
			t.Errorf("bundle %d: the close is not answered", i)
		}
	}
}

// withholder answers like a switch. If early is set it answers a close when the
// commit has come, so whoever waits for the first before the second waits for good;
// if not, it takes no commit before its answer has had time to arrive.
type withholder struct {
	early atomic.Bool
	open  atomic.Int32
}

func (w *withholder) answer(m wire.Message) []wire.Message {
	b, ok := m.(wire.BundleControl)
	if !ok {
		return nil
	}
	switch {
	case b.Type == wire.BundleClose && w.early.Load():
		w.open.Add(1)
		return nil
	case b.Type == wire.BundleCommit && w.early.Load():
		w.open.Add(-1)
		closed, done := b, b
		closed.Type, done.Type = wire.BundleClosed, wire.BundleCommitted
		return []wire.Message{closed, done}
	}
	b.Type++
	return []wire.Message{b}
}

// A switch that takes back what it took before has committed the rest: that is
// said to be unknown, and from then on bundles are checked first again.
func TestShapeThatIsRefusedLater(t *testing.T) {
	t.Parallel()
	var refuse atomic.Bool
	var commits atomic.Int32
	f := &fakeSwitch{}
	plain := bundleAnswer()
	f.answer = func(m wire.Message) []wire.Message {
		if add, ok := m.(wire.BundleAdd); ok && refuse.Load() && add.Message.(wire.FlowMod).Flow.Cookie == 0x0f00000000000001 {
			return []wire.Message{wire.Error{Type: 4, Code: 9}}
		}
		if b, ok := m.(wire.BundleControl); ok && b.Type == wire.BundleCommit {
			commits.Add(1)
		}
		return plain(m)
	}
	f.start(t)
	c := f.dial(t, ofconn.Options{})
	mods := adds(manyFlows(3))
	for range 2 {
		if err := c.Bundle(testContext(t), mods); err != nil {
			t.Fatal(err)
		}
	}
	refuse.Store(true)
	err := c.Bundle(testContext(t), mods)
	var refused *ofconn.BundleError
	if !errors.Is(err, ofconn.ErrOutcomeUnknown) || !errors.As(err, &refused) || len(refused.Refused) != 1 || refused.Refused[0].Index != 1 {
		t.Fatalf("the first refusal: error is %v", err)
	}
	before := commits.Load()
	if err := c.Bundle(testContext(t), mods); errors.Is(err, ofconn.ErrOutcomeUnknown) || !errors.As(err, &refused) {
		t.Errorf("the second refusal: error is %v", err)
	}
	if commits.Load() != before {
		t.Error("a bundle of which a message was refused was committed")
	}
}

// Nothing of a bundle takes effect that has a bad message in the middle, also when
// all others are of shapes that the switch knows; nor when what a known message
// names has gone since.
func TestRefusedAmongKnownShapes(t *testing.T) {
	t.Parallel()
	c := dialSwitch(t, startSwitch(t))
	if err := c.Apply(testContext(t), wire.MeterMod{Meter: wire.MeterConfig{ID: 7, Flags: wire.MeterPktps, Bands: []wire.MeterBand{{Type: wire.BandDrop, Rate: 1000}}}}); err != nil {
		t.Fatal(err)
	}
	metered := wire.AddFlow(openflow.Flow{Table: 9, Actions: openflow.MustActions(openflow.Meter{ID: 7})})
	known := append(adds(manyFlows(60)), metered)
	for range 2 {
		if err := c.Bundle(testContext(t), known); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Bundle(testContext(t), []wire.FlowMod{{Command: wire.FlowDelete, Flow: openflow.Flow{Table: wire.AllTables}}}); err != nil {
		t.Fatal(err)
	}
	if err := c.Apply(testContext(t), wire.MeterMod{Command: wire.MeterDelete, Meter: wire.MeterConfig{ID: 7}}); err != nil {
		t.Fatal(err)
	}
	bad := map[string]wire.FlowMod{
		"ct without IP": wire.AddFlow(openflow.Flow{Table: 2, Actions: openflow.MustActions(openflow.CT{Zone: 1, Table: 3})}),
		"no such meter": metered,
		"no such group": wire.AddFlow(openflow.Flow{Table: 2, Actions: openflow.MustActions(openflow.Group{ID: 7})}),
	}
	for name, mod := range bad {
		for range 2 {
			err := c.Bundle(testContext(t), slices.Insert(adds(manyFlows(60)), 30, mod))
			var refused *ofconn.BundleError
			if !errors.As(err, &refused) || errors.Is(err, ofconn.ErrOutcomeUnknown) || len(refused.Refused) != 1 || refused.Refused[0].Index != 30 {
				t.Errorf("%s: error is %v", name, err)
			}
			if have := dump(t, c, 0, 0); len(have) != 0 {
				t.Fatalf("%s: %d flows of the refused bundle are there", name, len(have))
			}
		}
	}
}

// Whether a real switch takes a message depends on nothing that its shape leaves
// out.
func TestShapeDecides(t *testing.T) {
	t.Parallel()
	c := dialSwitch(t, startSwitch(t))
	r := rand.New(rand.NewPCG(1, 2))
	taken := map[string]error{}
	seen, yes, no := 0, 0, 0
	for range 1500 {
		f := oddFlow(r)
		err := c.Bundle(testContext(t), []wire.FlowMod{wire.AddFlow(f)})
		if err == nil {
			yes++
		} else {
			no++
		}
		shape := string(f.AppendShape(nil))
		before, ok := taken[shape]
		if !ok {
			taken[shape] = err
			continue
		}
		seen++
		if (before == nil) != (err == nil) {
			t.Fatalf("%s: %v; before, in this shape: %v", f, err, before)
		}
	}
	if seen < 500 || yes < 200 || no < 200 {
		t.Errorf("%d of a shape seen before, %d taken, %d refused: nothing to tell by", seen, yes, no)
	}
}

// oddFlow is a flow of few shapes, which the switch may or may not take, with any
// values in it.
func oddFlow(r *rand.Rand) openflow.Flow {
	pick := func(n int) bool { return r.IntN(n) == 0 }
	any32 := func(f openflow.Field) openflow.Term { return f.IsMasked(r.Uint64()&0xffff, r.Uint64()&0xffff|1) }
	var terms []openflow.Term
	ip := []uint64{openflow.EthTypeIPv4, openflow.EthTypeIPv6}[r.IntN(2)]
	switch r.IntN(5) {
	case 0:
		terms = append(terms, openflow.EthType.Is(ip))
	case 1:
		terms = append(terms, openflow.EthType.Is(ip), openflow.IPProto.Is([]uint64{openflow.ProtoTCP, openflow.ProtoUDP}[r.IntN(2)]))
	case 2:
		terms = append(terms, openflow.EthType.Is(openflow.EthTypeIPv4), openflow.IPProto.Is(openflow.ProtoTCP), any32(openflow.TCPDst), any32(openflow.IPv4Src))
	case 3:
		terms = append(terms, openflow.EthType.Is(openflow.EthTypeARP), any32(openflow.ARPSPA))
	}
	if pick(2) {
		terms = append(terms, any32(openflow.Metadata), any32(openflow.Reg(3)))
	}
	if pick(3) {
		terms = append(terms, openflow.ConjID.Is(r.Uint64()&0xffffffff), openflow.CTZone.Is(r.Uint64()&0xffff), any32(openflow.CTMark))
	}
	var actions []openflow.Action
	switch r.IntN(7) {
	case 0:
		of := uint8(2 + r.IntN(2))
		actions = append(actions, openflow.Conjunction{ID: r.Uint32(), Clause: 1, Of: of})
	case 1:
		actions = append(actions, openflow.SetField{Field: openflow.IPv4Dst, Value: r.Uint64() & 0xffffffff}) // needs IPv4
	case 2:
		actions = append(actions, openflow.SetField{Field: openflow.TCPSrc, Value: r.Uint64() & 0xffff}, openflow.Resubmit{Table: 9}) // needs TCP
	case 3:
		actions = append(actions, openflow.SetField{Field: openflow.Reg(5), Value: r.Uint64() & 0xff, Mask: r.Uint64()&0xff | 1}, openflow.Output{Port: []uint32{1, 65279}[r.IntN(2)]})
	case 4:
		actions = append(actions, openflow.CT{Commit: true, Zone: uint16(r.IntN(3)), Table: openflow.NoTable, // needs IP
			Exec: []openflow.Action{openflow.SetField{Field: openflow.CTMark, Value: uint64(r.IntN(3))}}})
	case 5:
		actions = append(actions, openflow.Meter{ID: uint32(1 + r.IntN(2))}) // there is none
	}
	m, err := openflow.NewMatch(terms...)
	a, err2 := openflow.NewActions(actions...)
	if err := errors.Join(err, err2); err != nil {
		panic(err)
	}
	return openflow.Flow{Table: uint8(r.IntN(2)), Priority: uint16(r.Uint32()), Cookie: r.Uint64() >> 1, Match: m, Actions: a}
}
