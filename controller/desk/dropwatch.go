package desk

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/ringfence/ringfence/controller/internal/pause"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
)

// dropWatch has the switch report the packets of some NICs that it drops. It installs flows
// for that when the first question comes, and removes them when nobody has asked for a
// while, so that it costs the switch nothing otherwise.
type dropWatch struct {
	flows watchFlows
	drops droplog
	log   *slog.Logger
	// locate returns where those of some NICs are plugged that are.
	locate func(nics []string) map[string]location
	// settleSwitch returns when no cached megaflow from before the call is left, so that
	// packets meet the flows of the tables.
	settleSwitch func(context.Context) error
	wake         chan struct{}

	mu             sync.Mutex
	lookedAtUntil  map[string]time.Time // by NIC: until when somebody looks at it
	nicByOFPort    map[uint32]string    // of the watched NICs; the ofport is also the watch's id
	flowChanges    int                  // how often the flows were changed
	settledChanges int                  // the last change that packets are known to meet
}

// location is where a NIC is plugged, and whether its own flows are installed there.
type location struct {
	port     uint32
	hasFlows bool
}

func newDropWatch(link func() *ofconn.Conn, r *reportReader, locate func([]string) map[string]location, settle func(context.Context) error, log *slog.Logger) *dropWatch {
	return &dropWatch{
		flows: watchFlows{currentConn: link, reports: r}, log: log, locate: locate, settleSwitch: settle,
		wake: make(chan struct{}, 1), lookedAtUntil: map[string]time.Time{},
	}
}

// watchFor has NICs watched for a duration from now on. When it returns without an error,
// every packet of theirs that is dropped meets the flows that report it.
func (w *dropWatch) watchFor(ctx context.Context, nics []string, d time.Duration) error {
	w.mu.Lock()
	for _, nic := range nics {
		if until := time.Now().Add(d); until.After(w.lookedAtUntil[nic]) {
			w.lookedAtUntil[nic] = until
		}
	}
	w.mu.Unlock()
	defer w.refreshSoon() // run has to know when the watch ends
	return w.refresh(ctx)
}

// refreshSoon has run bring the flows up to date. It does not block.
func (w *dropWatch) refreshSoon() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run renews the flows before they time out, and removes those of NICs that nobody looks at
// any more, until ctx ends.
func (w *dropWatch) run(ctx context.Context) error {
	for {
		var timer <-chan time.Time
		if next, any := w.next(); any {
			timer = time.After(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-w.wake:
		case <-timer:
		}
		if err := w.refresh(ctx); err != nil && ctx.Err() == nil {
			w.log.Warn("drops are not watched; trying again", "in", retryAfter, "error", err)
			if err := pause.For(ctx, retryAfter); err != nil {
				return err
			}
			w.refreshSoon()
		}
	}
}

// next returns when the flows have to be renewed or removed next, if anybody looks.
func (w *dropWatch) next() (at time.Time, any bool) {
	at = w.flows.nextRenewal()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, until := range w.lookedAtUntil {
		if at.IsZero() || until.Before(at) {
			at = until
		}
	}
	return at, len(w.lookedAtUntil) > 0
}

// refresh installs the flows of the NICs that somebody looks at now, removes the others, and
// returns when packets meet that.
func (w *dropWatch) refresh(ctx context.Context) error {
	if err := w.install(ctx); err != nil {
		return err
	}
	w.mu.Lock()
	changes := w.flowChanges
	done := w.settledChanges >= changes
	w.mu.Unlock()
	if done {
		return nil
	}
	if err := w.settleSwitch(ctx); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settledChanges = max(w.settledChanges, changes)
	return nil
}

func (w *dropWatch) install(ctx context.Context) error {
	w.flows.mu.Lock()
	defer w.flows.mu.Unlock()
	want := map[uint32]ofrules.Watch{}
	names := map[uint32]string{}
	for nic, at := range w.locate(w.nicsLookedAt(time.Now())) {
		want[at.port] = ofrules.Watch{ID: at.port, OFPort: at.port, Ready: at.hasFlows, Meter: watchMeter | at.port}
		names[at.port] = nic
	}
	w.mu.Lock()
	w.nicByOFPort = names
	w.mu.Unlock()
	changed, err := w.flows.replace(ctx, want)
	if changed {
		w.mu.Lock()
		w.flowChanges++
		w.mu.Unlock()
	}
	return err
}

// nicsLookedAt returns the NICs that somebody looks at, and forgets what was counted of those
// that nobody looks at any more.
func (w *dropWatch) nicsLookedAt(now time.Time) (nics []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for nic, until := range w.lookedAtUntil {
		if until.After(now) {
			nics = append(nics, nic)
			continue
		}
		delete(w.lookedAtUntil, nic)
		w.drops.forget(nic)
	}
	return nics
}

// countNICs returns how many NICs are watched.
func (w *dropWatch) countNICs() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.nicByOFPort)
}

// nicOf returns the NIC that a watch is about, if it is still plugged at the same ofport.
// Another NIC may have got that ofport since, perhaps one of another account, whose packets
// must not be shown.
func (w *dropWatch) nicOf(id uint32) (nic string, ok bool) {
	w.mu.Lock()
	nic, ok = w.nicByOFPort[id]
	w.mu.Unlock()
	return nic, ok && w.locate([]string{nic})[nic].port == id
}

// recordDrop counts a packet that a flow of the watch has dropped and reported.
func (w *dropWatch) recordDrop(r ofrules.Report, p wire.PacketIn) {
	if nic, ok := w.nicOf(r.ID); ok {
		w.drops.add(nic, r, dissect(p.Packet), time.Now().UTC())
	}
}

// totals sums up the counters of the watch's flows by NIC, direction and reason. They have
// all packets, also those that were not reported because there were too many.
func (w *dropWatch) totals(nics map[string]bool, stats []wire.FlowStats) []inquiry.DropTotal {
	sums := map[inquiry.DropTotal]*inquiry.DropTotal{}
	for _, s := range stats {
		r, ok := reportOf(s.Actions)
		if !ok || s.Packets == 0 {
			continue
		}
		nic, ok := w.nicOf(r.ID)
		if !ok || !nics[nic] {
			continue
		}
		k := inquiry.DropTotal{NIC: nic, Direction: directionOf(r.Egress), Reason: r.Drop.String()}
		if sums[k] == nil {
			sum := k
			sums[k] = &sum
		}
		sums[k].Packets += s.Packets
		sums[k].Bytes += s.Bytes
	}
	return sortTotals(sums)
}

// reportOf returns the report that a flow's controller action sends.
func reportOf(actions openflow.Actions) (ofrules.Report, bool) {
	for _, a := range actions.List() {
		if c, is := a.(openflow.Controller); is {
			return ofrules.ParseReport(c.UserData)
		}
	}
	return ofrules.Report{}, false
}

func sortTotals(sums map[inquiry.DropTotal]*inquiry.DropTotal) []inquiry.DropTotal {
	out := make([]inquiry.DropTotal, 0, len(sums))
	for _, sum := range sums {
		out = append(out, *sum)
	}
	slices.SortFunc(out, func(a, b inquiry.DropTotal) int {
		return cmp.Or(cmp.Compare(a.NIC, b.NIC), cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Reason, b.Reason))
	})
	return out
}
