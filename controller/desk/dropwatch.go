package desk

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ringfence/ringfence/controller/internal/pause"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
)

// dropWatch has the switch report what it drops of some NICs' packets, while
// somebody looks: until then, and afterwards, no flow of it is there.
type dropWatch struct {
	flows watchFlows
	drops droplog
	log   *slog.Logger
	// locate finds where NICs are plugged.
	locate func(nics []string) map[string]watched
	// settle returns when no cached megaflow of the time before is left.
	settle func(context.Context) error
	wake   chan struct{}

	mu      sync.Mutex
	leases  map[string]time.Time // until when somebody looks at a NIC
	names   map[uint32]string    // of NICs by ofport, which is the watch's id
	changes int                  // of the flows
	settled int                  // how many of them packets meet
}

// watched is where a NIC is plugged.
type watched struct {
	port  uint32
	ready bool // it has its flows
}

func newDropWatch(link func() *ofconn.Conn, r *reports, locate func([]string) map[string]watched, settle func(context.Context) error, log *slog.Logger) *dropWatch {
	return &dropWatch{
		flows: watchFlows{link: link, reports: r}, log: log, locate: locate, settle: settle,
		wake: make(chan struct{}, 1), leases: map[string]time.Time{},
	}
}

// look has NICs watched for a while. It returns when no packet gets past the
// flows.
func (w *dropWatch) look(ctx context.Context, nics []string, d time.Duration) error {
	w.mu.Lock()
	for _, nic := range nics {
		if until := time.Now().Add(d); until.After(w.leases[nic]) {
			w.leases[nic] = until
		}
	}
	w.mu.Unlock()
	defer w.kick() // there is something to end
	return w.step(ctx)
}

// kick has the flows brought up to date soon.
func (w *dropWatch) kick() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run renews the flows, and takes them away when nobody looks any more.
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
		if err := w.step(ctx); err != nil && ctx.Err() == nil {
			w.log.Warn("drops are not watched; trying again", "in", retryAfter, "error", err)
			if err := pause.For(ctx, retryAfter); err != nil {
				return err
			}
			w.kick()
		}
	}
}

// next is when something has to be done.
func (w *dropWatch) next() (at time.Time, any bool) {
	at = w.flows.renewal()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, until := range w.leases {
		if at.IsZero() || until.Before(at) {
			at = until
		}
	}
	return at, len(w.leases) > 0
}

// step makes the switch's watches those that somebody wants now, and has packets
// meet them.
func (w *dropWatch) step(ctx context.Context) error {
	if err := w.install(ctx); err != nil {
		return err
	}
	w.mu.Lock()
	changes := w.changes
	done := w.settled >= changes
	w.mu.Unlock()
	if done {
		return nil
	}
	if err := w.settle(ctx); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settled = max(w.settled, changes)
	return nil
}

func (w *dropWatch) install(ctx context.Context) error {
	w.flows.turn.Lock()
	defer w.flows.turn.Unlock()
	want := map[uint32]ofrules.Watch{}
	names := map[uint32]string{}
	for nic, at := range w.locate(w.open(time.Now())) {
		want[at.port] = ofrules.Watch{ID: at.port, OFPort: at.port, Ready: at.ready, Meter: watchMeter | at.port}
		names[at.port] = nic
	}
	w.mu.Lock()
	w.names = names
	w.mu.Unlock()
	changed, err := w.flows.become(ctx, want)
	if changed {
		w.mu.Lock()
		w.changes++
		w.mu.Unlock()
	}
	return err
}

// open returns the NICs that somebody looks at, and forgets about the others.
func (w *dropWatch) open(now time.Time) (nics []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for nic, until := range w.leases {
		if until.After(now) {
			nics = append(nics, nic)
			continue
		}
		delete(w.leases, nic)
		w.drops.forget(nic)
	}
	return nics
}

// looked is how many NICs are watched.
func (w *dropWatch) looked() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.names)
}

// nic returns the NIC that a watch is of, if it still is plugged where it was:
// another that came into its place is none of the business of who looks.
func (w *dropWatch) nic(id uint32) (nic string, ok bool) {
	w.mu.Lock()
	nic, ok = w.names[id]
	w.mu.Unlock()
	return nic, ok && w.locate([]string{nic})[nic].port == id
}

// dropped takes the report of a drop.
func (w *dropWatch) dropped(r ofrules.Report, p wire.PacketIn) {
	if nic, ok := w.nic(r.ID); ok {
		w.drops.add(nic, r, dissect(p.Packet), time.Now().UTC())
	}
}

// totals adds up the counters of the watch's flows of some NICs.
func (w *dropWatch) totals(nics map[string]bool, stats []wire.FlowStats) []inquiry.DropTotal {
	sums := map[inquiry.DropTotal]*inquiry.DropTotal{}
	for _, s := range stats {
		r, ok := reportOf(s.Actions)
		if !ok || s.Packets == 0 {
			continue
		}
		nic, ok := w.nic(r.ID)
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

// reportOf is what a flow reports.
func reportOf(actions openflow.Actions) (ofrules.Report, bool) {
	for _, a := range actions.List() {
		if c, is := a.(openflow.Controller); is {
			return ofrules.ParseReport(c.UserData)
		}
	}
	return ofrules.Report{}, false
}
