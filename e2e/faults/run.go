package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// How long things may take, on a busy machine.
const (
	roundLimit    = 90 * time.Second // all of a round
	passesLimit   = 15 * time.Second // until what must pass does, once all is well
	judgedBehind  = 500 * time.Millisecond
	rememberedFor = 15 * time.Second // before a round, for what began before it
)

// Outcome is what a round has shown.
type Outcome struct {
	Round     Round
	Tally     Tally
	Converged time.Duration // since the last fault was mended
	Cut       time.Duration // the longest of what had to pass
	CutOf     string
	Machine   time.Duration // the longest of the control flow
	Unjudged  int           // cuts while the machine was too busy to say
	Checked   int           // packets that arrived and were judged
	Findings  []Finding
	Journals  map[string]string // what is known of the slots of the flows that were found, by slot
	Stuck     bool              // not well again within a round's time: nothing can be said of what follows
}

// Run plays a history and reports each round, until the report says that it is
// enough.
func Run(ctx context.Context, w *World, history []Round, report func(Outcome) (more bool)) error {
	slots, oracle := slots(), NewOracle(slots())
	if err := w.settle(ctx, slots, oracle); err != nil {
		return fmt.Errorf("before the first fault: %w", err)
	}
	judged := time.Now()
	for _, round := range history {
		out := Outcome{Round: round}
		judged = w.play(ctx, &out, slots, oracle, judged)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if more := report(out); !more || out.Stuck {
			return nil
		}
	}
	return nil
}

// settle waits until everything is in force and flows.
func (w *World) settle(ctx context.Context, slots []Slot, oracle *Oracle) error {
	ctx, cancel := context.WithTimeout(ctx, roundLimit)
	defer cancel()
	if err := w.converge(ctx); err != nil {
		return err
	}
	now := time.Now()
	if err := w.Plane.await(ctx, "what must pass", func() error { return w.passes(oracle, now) }); err != nil {
		return err
	}
	return errors.Join(w.compare(ctx, slots)...)
}

// play plays one round: its faults and writes at once, then it waits until all
// is well again, and judges everything since the round before.
func (w *World) play(ctx context.Context, out *Outcome, slots []Slot, oracle *Oracle, since time.Time) (judged time.Time) {
	limited, cancel := context.WithTimeout(ctx, roundLimit)
	defer cancel()
	begin := time.Now()
	complain := func(what string, err error) {
		if err != nil {
			out.Findings = append(out.Findings, Finding{what, err.Error(), time.Now()})
		}
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, f := range out.Round.Faults {
		wg.Go(func() {
			err := errors.Join(sleep(limited, f.After), w.do(limited, f))
			mu.Lock()
			defer mu.Unlock()
			complain("fault "+f.Kind+" of "+f.Target, err)
		})
	}
	var writing sync.WaitGroup
	var found []Finding
	writing.Go(func() { out.Tally, found = w.write(limited, slots, out.Round) })
	wg.Wait()
	mended := time.Now()
	writing.Wait()
	out.Findings = append(out.Findings, found...)
	err := w.converge(limited)
	complain("convergence", err)
	out.Converged, out.Stuck = time.Since(mended), err != nil
	for _, err := range w.compare(limited, slots) {
		complain("lost", err)
	}
	// What is allowed now must pass, and what TCP waits for comes with it.
	now := time.Now()
	passing, cancelPassing := context.WithTimeout(limited, passesLimit)
	defer cancelPassing()
	complain("after the faults", w.Plane.await(passing, "what must pass", func() error { return w.passes(oracle, now) }))
	judged = time.Now().Add(-judgedBehind)
	w.judge(out, oracle, Window{since, judged})
	w.Sniff.Forget(begin.Add(-rememberedFor))
	w.Book.Forget(begin.Add(-rememberedFor))
	w.forgetExcuses(begin.Add(-rememberedFor))
	return judged
}

// do does a fault.
func (w *World) do(ctx context.Context, f Fault) error {
	for _, k := range allKinds() {
		if k.Name == f.Kind {
			return k.Do(ctx, w, f)
		}
	}
	return fmt.Errorf("no such kind of fault")
}

// converge waits until every process runs, every controller follows its switch, every API is ready, and every host
// has applied what was acknowledged last, by the word of every API: one that was
// cut off may need a moment to hear of it.
func (w *World) converge(ctx context.Context) error {
	if ended := w.Plane.Ended(); len(ended) > 0 {
		return fmt.Errorf("%s ended by itself", strings.Join(ended, ", "))
	}
	for _, name := range controllerNames() {
		if err := w.Plane.await(ctx, "the switch of "+name, func() error { return w.Plane.follows(name) }); err != nil {
			return err
		}
	}
	called := time.Now()
	for _, name := range apiNames {
		c := w.Plane.Clients[name]
		if err := w.Plane.await(ctx, "convergence by the word of "+name, func() error {
			if err := c.Ready(ctx); err != nil {
				return err
			}
			for _, h := range hostNames {
				host, err := c.Host(ctx, h)
				if err != nil {
					return err
				}
				if !host.Alive || !host.Connected || host.LastSeen.Before(called.Add(-time.Minute)) {
					return fmt.Errorf("host %s: alive %t, connected %t, last seen %s", h, host.Alive, host.Connected, host.LastSeen)
				}
			}
			for nic, err := range c.NICs(ctx, accountID) {
				if err != nil {
					return err
				}
				if at := w.vmOf(nic.ID).at; !nic.Ready || nic.Host != at {
					return fmt.Errorf("NIC %s: ready %t at %s, it is at %s", nic.ID, nic.Ready, nic.Host, at)
				}
			}
			r, err := c.Realization(ctx, w.Book.Revision(), time.Second)
			if err == nil && r.State != "realized" {
				err = fmt.Errorf("realization %+v", r)
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// vmOf is the VM of a NIC.
func (w *World) vmOf(nic string) *vm {
	for _, v := range w.vms {
		if v.nic() == nic {
			return v
		}
	}
	return &vm{}
}

// compare reads the policy from every API, and complains of what is not as the
// book says that it must be.
func (w *World) compare(ctx context.Context, slots []Slot) (wrong []error) {
	var first *listing
	for _, name := range apiNames {
		var l *listing
		if err := w.Plane.await(ctx, "the lists of "+name, func() (err error) {
			l, err = list(ctx, w.Plane.Clients[name])
			return err
		}); err != nil {
			return append(wrong, err)
		}
		if first == nil {
			first = l
			continue
		}
		for _, s := range slots {
			if a, b := s.read(first), s.read(l); a != b {
				wrong = append(wrong, fmt.Errorf("%s is %d by %s and %d by %s", s.Name, a, apiNames[0], b, name))
			}
		}
	}
	now := time.Now()
	for i, s := range slots {
		value := s.read(first)
		if value < 0 {
			wrong = append(wrong, fmt.Errorf("%s has no value that was ever written", s.Name))
			continue
		}
		if err := w.Book.Settled(i, value, now); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", s.Name, err))
		}
	}
	return wrong
}

// passes complains of a flow that must pass and of which nothing has arrived
// since a time.
func (w *World) passes(oracle *Oracle, since time.Time) error {
	var missing []string
	for i := range w.Flows {
		f := &w.Flows[i]
		if oracle.Now(f, w.Book) != Must {
			continue
		}
		for _, way := range f.ways() {
			if (way.toServer || f.Both) && !w.Sniff.LastArrival(way).After(since) {
				missing = append(missing, f.wayName(way))
			}
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("nothing arrives: %s", strings.Join(missing, ", "))
	}
	return nil
}

// wayName is the flow's name, and which way of it.
func (f *Flow) wayName(w way) string {
	if w.toServer {
		return f.Name
	}
	return f.Name + " (back)"
}

// judge looks at everything that was seen in a window.
func (w *World) judge(out *Outcome, oracle *Oracle, in Window) {
	stalls := w.stalls(in)
	for _, s := range stalls {
		out.Machine = max(out.Machine, Longest(s.cuts, in).Len())
	}
	for i := range w.Flows {
		f := &w.Flows[i]
		before := len(out.Findings)
		machine := stalls.of(f)
		phases := oracle.Phases(f, w.Book, in.From.Add(-rememberedFor))
		for _, way := range f.ways() {
			name, seen := f.wayName(way), w.Sniff.Seen(way)
			out.Checked += len(seen.Arrived)
			if !slices.ContainsFunc(offLeaks, func(o OffLeak) bool { return o.of(f) }) {
				out.Findings = append(out.Findings, Leaks(name, seen, phases, in, w.excused(f, true), w.held(f), machine)...)
			}
			for _, cut := range Cuts(seen, phases, in, w.excused(f, false)) {
				own := Longest(machine, cut.Window).Len()
				excess, unjudged := Excess(cut.Len(), own)
				if unjudged {
					out.Unjudged++
					continue
				}
				if excess > 0 {
					out.Findings = append(out.Findings, Finding{name, fmt.Sprintf("cut for %s (%d packets) while it was allowed; the machine's own part is %s",
						cut.Len().Round(time.Millisecond), cut.Lost, own.Round(time.Millisecond)), cut.From})
				}
				if cut.Len() > out.Cut {
					out.Cut, out.CutOf = cut.Len(), name
				}
			}
		}
		if len(out.Findings) > before {
			for _, slot := range f.Slots {
				out.journal(oracle.slots[slot].Name, w.Book.Journal(slot))
			}
		}
	}
	slices.SortStableFunc(out.Findings, func(a, b Finding) int { return a.At.Compare(b.At) })
}

func (w *World) forgetExcuses(before time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.excuses = slices.DeleteFunc(w.excuses, func(e excuse) bool { return e.To.Before(before) })
}
