package faults

import (
	"context"
	"slices"
	"time"
)

// excuse is a time in which something is not promised, of some flows.
type excuse struct {
	Window
	why   string
	of    func(*Flow) bool
	opens bool // what must not pass may; else what must pass may not
	holds bool // what comes meanwhile is held back, and goes on at the end
}

// excuse notes one.
func (w *World) excuse(e excuse) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.excuses = append(w.excuses, e)
}

// excused lists the times in which something is not promised of a flow.
func (w *World) excused(f *Flow, opens bool) (all []Window) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.excuses {
		if e.opens == opens && e.of(f) {
			all = append(all, e.Window)
		}
	}
	if !opens {
		all = append(all, unheard(w.moves, w.storeAway, f)...)
	}
	return all
}

// move is a VM that is plugged at two hosts, of which one has to hear of the other by
// the store.
type move struct {
	Window
	of func(*Flow) bool
}

// moving notes one.
func (w *World) moving(m move) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.moves = append(w.moves, m)
}

// storeIsAway notes when the store did not answer, which it does again.
func (w *World) storeIsAway(ctx context.Context, from time.Time) error {
	_, err := w.Plane.retried(ctx, "get", "ringfence")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.storeAway = append(w.storeAway, Window{from, time.Now()})
	return err
}

// unheard lists the times in which no host could hear where a VM is plugged, because
// the store was away meanwhile.
func unheard(moves []move, away []Window, f *Flow) (all []Window) {
	for _, m := range moves {
		if !m.of(f) {
			continue
		}
		for _, a := range away {
			if !a.From.After(m.To) && !a.To.Before(m.From) {
				all = append(all, a)
			}
		}
	}
	return all
}

// held lists the times in which packets of a flow were held back.
func (w *World) held(f *Flow) (all []Window) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.excuses {
		if e.holds && e.of(f) {
			all = append(all, e.Window)
		}
	}
	return all
}

// lost notes that the store has lost what was written since then.
func (w *World) lost(since time.Time) {
	w.Book.Restored(since, time.Now())
	for _, s := range slots() {
		w.renewed(&s)
	}
}

// renewed notes that a machine may have come to be filtered by what a slot was given.
func (w *World) renewed(s *Slot) {
	if s.renews != "" {
		w.isNew(ofMachine(s.renews))
	}
}

// isNew notes who is new to a host now.
func (w *World) isNew(of func(*Flow) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.newcomers = append(w.newcomers, newcomer{of, time.Now().Add(newFor)})
}

// touches makes a test for flows of which an end is, or may be, on a host.
func (w *World) touches(host string) func(*Flow) bool {
	return func(f *Flow) bool {
		for _, name := range []string{f.From, f.To} {
			if m := machineNamed(name); m.host == host || m.moves {
				return true
			}
		}
		return false
	}
}

// across tells whether a flow is, or may be, between hosts.
func across(f *Flow) bool {
	from, to := machineNamed(f.From), machineNamed(f.To)
	return from.host != to.host || from.moves || to.moves
}

// ofMachine makes a test for a VM's flows.
func ofMachine(name string) func(*Flow) bool {
	return func(f *Flow) bool { return f.From == name || f.To == name }
}

// anewWithin is how long a client of TCP takes to see that it has to begin anew.
const anewWithin = redialAfter + dialFor + revokedWithin

// newFor is for how long nothing of a VM's TCP is picked up on a host that it is new
// to, see semantics.md §3, and what it takes the host to know it.
const newFor = 15*time.Second + 3*time.Second

// newcomer is who is new to a host, and until when.
type newcomer struct {
	of    func(*Flow) bool
	until time.Time
}

// tcpAnew notes that TCP needs a SYN, because nobody is left who knows what was
// cut: a VM is at another host, or its host was started again.
func (w *World) tcpAnew(f Fault, from time.Time, of func(*Flow) bool) {
	w.tcpAgain(f, from, of)
	w.isNew(of)
}

// tcpAgain excuses the time that TCP takes to begin anew.
func (w *World) tcpAgain(f Fault, from time.Time, of func(*Flow) bool) {
	w.excuse(excuse{Window: Window{from, time.Now().Add(anewWithin)}, why: f.Kind, of: func(f *Flow) bool { return f.Proto == "tcp" && of(f) }})
}

// forgets notes that a host's switch has forgotten its connections: TCP of who is
// new there needs a SYN.
func (w *World) forgets(f Fault, host string, from time.Time) {
	w.mu.Lock()
	w.newcomers = slices.DeleteFunc(w.newcomers, func(n newcomer) bool { return n.until.Before(from) })
	all := slices.Clone(w.newcomers)
	w.mu.Unlock()
	there := w.touches(host)
	for _, n := range all {
		w.tcpAgain(f, from, func(f *Flow) bool { return there(f) && n.of(f) })
	}
}
