package desk

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
)

// Flows of watches end by themselves after watchTimeout, should their controller
// be gone; they are put in again every watchRenew.
const (
	watchTimeout = 15 * time.Second
	watchRenew   = 5 * time.Second
)

// Packets that are reported, a second: of one NIC at most, and of all together.
const (
	watchRateNIC = 100
	watchRateAll = 1000
)

// watchMeter in the upper half of a meter's id says that it is ours; the lower
// half is the ofport of the NIC. Each has its own, so that the flood of one does
// not keep another from being heard.
const watchMeter = 0x52470000

// watchFlows are the watches in the switch.
type watchFlows struct {
	link    func() *ofconn.Conn // nil while there is none
	reports *reports

	turn   sync.Mutex   // of all below
	conn   *ofconn.Conn // to the switch that has
	have   map[uint32]ofrules.Watch
	meters map[uint32]int // rates by id
	due    time.Time      // when to put them in again
}

// renewal is when the flows have to be put in again; zero while there are none.
func (f *watchFlows) renewal() time.Time {
	f.turn.Lock()
	defer f.turn.Unlock()
	if len(f.have) == 0 {
		return time.Time{}
	}
	return f.due
}

// become makes the switch's watches those, by id, and tells whether they were
// others. turn is held.
func (f *watchFlows) become(ctx context.Context, want map[uint32]ofrules.Watch) (changed bool, err error) {
	conn := f.link()
	if conn != f.conn {
		f.conn, f.have, f.meters = nil, nil, nil
	}
	switch renew := !time.Now().Before(f.due); {
	case len(want) == 0 && len(f.have) == 0:
		return false, nil
	case conn == nil:
		return false, errNoSwitch
	case conn != f.conn:
		if err := f.useConn(ctx, conn); err != nil {
			return false, err
		}
	case maps.Equal(want, f.have) && !renew:
		return false, nil
	}
	changed = !maps.Equal(want, f.have)
	if err := f.install(ctx, conn, want); err != nil {
		f.conn = nil // nobody knows what is there
		return false, err
	}
	f.have, f.due = want, time.Now().Add(watchRenew)
	return changed, nil
}

// useConn takes up a switch. The meters of a former run stay there, without flows
// that use them.
func (f *watchFlows) useConn(ctx context.Context, conn *ofconn.Conn) error {
	if err := f.reports.listen(ctx, conn); err != nil {
		return err
	}
	meters, err := conn.Meters(ctx)
	if err != nil {
		return err
	}
	f.meters = map[uint32]int{}
	for _, m := range meters {
		if m.ID&0xffff0000 == watchMeter {
			f.meters[m.ID] = 0
		}
	}
	f.have = nil
	f.conn = conn
	return nil
}

// install changes the switch: the meters that flows need before them, those that
// none needs any more after them.
func (f *watchFlows) install(ctx context.Context, conn *ofconn.Conn, want map[uint32]ofrules.Watch) error {
	rate := watchRate(len(want))
	var before, after []wire.Message
	used := map[uint32]bool{}
	for _, w := range want {
		used[w.Meter] = true
		m := wire.MeterMod{Meter: meterOf(w.Meter, rate)}
		switch have, is := f.meters[w.Meter]; {
		case is && have == rate:
			continue
		case is:
			m.Command = wire.MeterModify
		}
		before = append(before, m)
	}
	for id := range f.meters {
		if !used[id] {
			after = append(after, wire.MeterMod{Command: wire.MeterDelete, Meter: wire.MeterConfig{ID: id}})
		}
	}
	var mods []wire.FlowMod
	for id := range f.have {
		if _, still := want[id]; !still {
			mods = append(mods, unwatch(id))
		}
	}
	for _, w := range want {
		for _, flow := range w.Flows() {
			mods = append(mods, wire.FlowMod{Command: wire.FlowAdd, Flow: flow, HardTimeout: uint16(watchTimeout.Seconds())})
		}
	}
	if err := conn.Apply(ctx, before...); err != nil {
		return err
	}
	if err := conn.Bundle(ctx, mods); err != nil {
		return err
	}
	if err := conn.Apply(ctx, after...); err != nil {
		return err
	}
	f.meters = map[uint32]int{}
	for id := range used {
		f.meters[id] = rate
	}
	return nil
}

// watchRate is how many packets of a NIC are reported, a second.
func watchRate(nics int) int { return max(1, min(watchRateNIC, watchRateAll/max(nics, 1))) }

func meterOf(id uint32, rate int) wire.MeterConfig {
	return wire.MeterConfig{
		ID: id, Flags: wire.MeterPktps | wire.MeterBurst,
		Bands: []wire.MeterBand{{Type: wire.BandDrop, Rate: uint32(rate), Burst: uint32(rate)}},
	}
}

// unwatch is the message that takes a watch's flows away.
func unwatch(id uint32) wire.FlowMod {
	return wire.FlowMod{
		Command: wire.FlowDelete, CookieMask: ^uint64(0),
		Flow: openflow.Flow{Table: wire.AllTables, Cookie: ofrules.WatchCookie | uint64(id)},
	}
}

// UnwatchAll takes away what a former run watched: nobody looks any more.
func UnwatchAll() wire.FlowMod {
	m := unwatch(0)
	m.CookieMask = ofrules.KindMask
	return m
}
