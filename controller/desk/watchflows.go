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

// The flows of a watch have watchTimeout as their hard timeout, so that none outlives its
// controller for long. They are installed anew every watchRenew.
const (
	watchTimeout = 15 * time.Second
	watchRenew   = 5 * time.Second
)

// How many packets a second are reported at most, of one NIC and of all together.
const (
	watchRateNIC = 100
	watchRateAll = 1000
)

// watchMeter in the upper half of a meter's id says that the meter is of a watch; the lower
// half is the NIC's ofport. Each NIC has a meter of its own, so that a flood at one does not
// use up what others may report.
const watchMeter = 0x52470000

// watchFlows are the flows and meters of drop watches in the switch.
type watchFlows struct {
	currentConn func() *ofconn.Conn // nil while there is none
	reports     *reportReader

	mu        sync.Mutex   // held during changes of the switch, and for all below
	conn      *ofconn.Conn // by which the following were installed
	installed map[uint32]ofrules.Watch
	meters    map[uint32]int // their rates, by id
	renewAt   time.Time      // when to install them anew
}

// nextRenewal returns when the flows have to be installed anew; zero while there are none.
func (f *watchFlows) nextRenewal() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.installed) == 0 {
		return time.Time{}
	}
	return f.renewAt
}

// replace makes the watches in the switch those of want, by their ids, and reports whether
// that changed anything but the timeouts. The caller holds mu.
func (f *watchFlows) replace(ctx context.Context, want map[uint32]ofrules.Watch) (changed bool, err error) {
	conn := f.currentConn()
	if conn != f.conn {
		f.conn, f.installed, f.meters = nil, nil, nil
	}
	switch renew := !time.Now().Before(f.renewAt); {
	case len(want) == 0 && len(f.installed) == 0:
		return false, nil
	case conn == nil:
		return false, errNoSwitch
	case conn != f.conn:
		if err := f.useConn(ctx, conn); err != nil {
			return false, err
		}
	case maps.Equal(want, f.installed) && !renew:
		return false, nil
	}
	changed = !maps.Equal(want, f.installed)
	if err := f.install(ctx, conn, want); err != nil {
		f.conn = nil // what the switch has now is unknown: the next call begins anew
		return false, err
	}
	f.installed, f.renewAt = want, time.Now().Add(watchRenew)
	return changed, nil
}

// useConn is called for each new connection to the switch, before anything is installed by
// it. It notes which meters of an earlier connection or controller are still there: these
// are modified or deleted, and not added.
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
	f.installed = nil
	f.conn = conn
	return nil
}

// install brings the switch from what it has to want: first come the meters that flows need,
// then the flows, then those meters are deleted that no flow needs any more.
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
	for id := range f.installed {
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

// watchRate is how many packets a second are reported of each NIC while so many are watched.
func watchRate(nics int) int { return max(1, min(watchRateNIC, watchRateAll/max(nics, 1))) }

func meterOf(id uint32, rate int) wire.MeterConfig {
	return wire.MeterConfig{
		ID: id, Flags: wire.MeterPktps | wire.MeterBurst,
		Bands: []wire.MeterBand{{Type: wire.BandDrop, Rate: uint32(rate), Burst: uint32(rate)}},
	}
}

// unwatch is the message that deletes the flows of a watch or a probe.
func unwatch(id uint32) wire.FlowMod {
	return wire.FlowMod{
		Command: wire.FlowDelete, CookieMask: ^uint64(0),
		Flow: openflow.Flow{Table: wire.AllTables, Cookie: ofrules.WatchCookie | uint64(id)},
	}
}

// UnwatchAll is the message that deletes the flows of all watches and probes. The loop sends
// it when it starts: whoever asked the controller before has gone.
func UnwatchAll() wire.FlowMod {
	m := unwatch(0)
	m.CookieMask = ofrules.KindMask
	return m
}
