// Package megaflow waits until packets meet the flows that the switch has.
// ovs-vswitchd caches what it makes of its tables as megaflows; after a change of
// the tables its revalidators go over these in passes, and until a pass has begun
// and ended after the change, packets may meet what was.
package megaflow

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/ringfence/ringfence/controller/internal/pause"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/unixctl"
)

const (
	// revalidateTimeout is the longest wait for passes over the megaflows.
	revalidateTimeout = 5 * time.Second
	// MaxRevalidator is how long OVS lets a pass wait at most (other_config:
	// max-revalidator, 500 ms by default), with some more.
	MaxRevalidator = 600 * time.Millisecond
	// minNudge is the shortest time between two nudges.
	minNudge = 2 * time.Millisecond
)

// purgeCost is what a purged megaflow costs until it is cached again: its next
// packet goes through all tables.
const purgeCost = 50 * time.Microsecond

// Settler waits until packets meet the flows that the switch has. Enforcement has
// one of its own, which questions cannot hold up; all questions share another.
type Settler struct {
	log        *slog.Logger
	ctl        revalidators
	conn       func() tables // nil while there is none
	cache      *Cache
	quiescence quiescence

	purging   sync.Mutex
	nextPurge time.Time // not before, under purging
}

// revalidators is what it takes of ovs-vswitchd.
type revalidators interface {
	AwaitTurn(ctx context.Context) error
	AwaitPass(ctx context.Context) error
	PurgeMegaflows(ctx context.Context) error
}

// tables is what it takes of a connection to the switch.
type tables interface {
	Apply(ctx context.Context, messages ...wire.Message) error
	Changes() (n uint64, over bool)
}

// NewSettler returns one that uses a client's connections, and what conn returns to
// have passes begin at once.
func NewSettler(ctl *unixctl.Client, conn func() *ofconn.Conn, cache *Cache, log *slog.Logger) *Settler {
	return &Settler{log: log, ctl: ctl, cache: cache, quiescence: newRest(), conn: func() tables {
		if c := conn(); c != nil {
			return c
		}
		return nil
	}}
}

// Change says what the changes did that a settle is for.
type Change bool

// What changes did.
const (
	Widened  Change = false // they let in more, and refuse nothing that passed before
	Narrowed Change = true  // or they do, or nobody knows
)

// Settle returns when no cached megaflow of the time before is left. It may be
// called from everywhere.
//
// A switch that misplaces actions has to have its megaflows purged: the passes may
// leave some as they were, and believe that they are right. It must not happen while
// a revalidator still holds actions that it made of the tables of before, as it might
// put them into a megaflow that is made after the purge. One pass that ends leaves none
// such; that nothing passes by them which must not is worth that wait. What only lets
// in more is purged at once if there can be none as far as is known, see rest.
func (s *Settler) Settle(ctx context.Context, c Change) error {
	if !s.cache.misplaces.Load() {
		return s.awaitPasses(ctx, s.twoPasses)
	}
	conn := s.conn()
	changes, over := changes(conn)
	if c == Narrowed || !over || !s.quiescence.since(conn, changes) {
		if err := s.awaitPasses(ctx, s.ctl.AwaitPass); err != nil {
			return err
		}
	}
	s.purging.Lock()
	defer s.purging.Unlock()
	if err := pause.For(ctx, time.Until(s.nextPurge)); err != nil {
		return err
	}
	s.nextPurge = time.Now().Add(time.Duration(s.cache.cached()) * purgeCost)
	if err := s.ctl.PurgeMegaflows(ctx); err != nil {
		return err
	}
	if over {
		s.quiescence.purged(conn, changes)
	}
	return nil
}

// Run finds out, until ctx ends, when the revalidators are at rest after a purge.
func (s *Settler) Run(ctx context.Context) error {
	return s.quiescence.run(ctx, func(ctx context.Context) error { return s.awaitPasses(ctx, s.ctl.AwaitPass) })
}

// awaitPasses waits for passes over all megaflows. OVS is in no hurry for one, up to
// MaxRevalidator, unless it is nudged.
func (s *Settler) awaitPasses(ctx context.Context, passes func(context.Context) error) error {
	waitCtx, cancel := context.WithTimeout(ctx, revalidateTimeout)
	defer cancel()
	ended := make(chan error, 1)
	go func() { // of questions, too
		ended <- inquiry.Guard(func() error { return passes(waitCtx) })
	}()
	every := time.NewTicker(max(minNudge, 2*s.cache.lastPass()))
	defer every.Stop()
	for {
		select {
		case err := <-ended:
			if _, ok := errors.AsType[*unixctl.Error](err); ok { // there are several datapaths
				return pause.For(ctx, MaxRevalidator+2*s.cache.lastPass())
			}
			return err
		case <-every.C:
			if err := s.nudge(waitCtx); err != nil { // it takes longer then
				s.log.Debug("revalidators not nudged", "error", err)
			}
		}
	}
}

// twoPasses waits for as many passes to end as it takes until one has also begun after
// the revalidators know of the tables as they are.
//
// ovs-vswitchd's main loop takes turns: it tells the revalidators what the turn
// before changed (ofproto_type_run), takes in OpenFlow messages, then commands. So
// an OpenFlow message that is sent when a command was answered that was sent when the
// change was acknowledged is taken in when they know: the change is of an earlier
// turn. The pass that ends next may have begun before that, the one after has not.
// Without that proof the first wait may be answered too early by one pass more.
func (s *Settler) twoPasses(ctx context.Context) error {
	if err := s.ctl.AwaitTurn(ctx); err != nil {
		return err
	}
	n := 2
	if s.nudge(ctx) != nil {
		n = 3
	}
	for range n {
		if err := s.ctl.AwaitPass(ctx); err != nil {
			return err
		}
	}
	return nil
}

// nudge starts a pass of the revalidators, as any change of flows does, also one that
// finds nothing to change. It returns when the switch has answered.
func (s *Settler) nudge(ctx context.Context) error {
	conn := s.conn()
	if conn == nil {
		return errors.New("no connection to the switch")
	}
	return conn.Apply(ctx, wire.DeleteFlow(ofrules.Nudge()))
}
