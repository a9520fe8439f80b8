package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringfence/ringfence/store/internal/link"
)

// Condition is how the store is, as far as this process can tell.
type Condition struct {
	// Kind is nil if all is well; ErrFull if the policy is read and followed,
	// and cannot be written; ErrNoLeader or ErrUnavailable if contact is lost,
	// so that what this process knows may be outdated.
	Kind  error
	Since time.Time // zero if all is well
	Heard time.Time // if contact is lost: when etcd was heard of last; zero: never
	Cause error     // may be nil
}

// The words for conditions, in logs and metrics.
const (
	conditionFull        = "full"
	conditionNoLeader    = "no-leader"
	conditionUnavailable = "unavailable"
)

// String is a word for the condition: "full", "no-leader", "unavailable", or
// "well".
func (c Condition) String() string {
	switch {
	case c.Kind == nil:
		return "well"
	case errors.Is(c.Kind, ErrFull):
		return conditionFull
	case errors.Is(c.Kind, ErrNoLeader):
		return conditionNoLeader
	}
	return conditionUnavailable
}

// Lost reports whether contact with the store is lost.
func (c Condition) Lost() bool { return c.Kind != nil && !errors.Is(c.Kind, ErrFull) }

// Troubles are metrics of a store's condition: one for each kind of trouble.
func Troubles(now func() Condition) prometheus.Collector {
	return troubles{now, prometheus.NewDesc("ringfence_store_trouble",
		"1 while the store is in this trouble: full (it takes no writes), no-leader, unavailable.", []string{"condition"}, nil)}
}

type troubles struct {
	now  func() Condition
	desc *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (t troubles) Describe(to chan<- *prometheus.Desc) { to <- t.desc }

// Collect implements prometheus.Collector.
func (t troubles) Collect(to chan<- prometheus.Metric) {
	now := t.now().String()
	for _, c := range []string{conditionFull, conditionNoLeader, conditionUnavailable} {
		value := 0.0
		if c == now {
			value = 1
		}
		to <- prometheus.MustNewConstMetric(t.desc, prometheus.GaugeValue, value, c)
	}
}

// trouble is what is known of etcd beside the health of the feeds.
type trouble struct {
	changed *link.Pulse // beats when the condition may have changed

	mu        sync.Mutex
	full      error // why etcd takes no writes; nil: it does
	fullSince time.Time
}

// setFull takes note of why etcd takes no writes, or, by nil, that it does.
func (t *trouble) setFull(cause error) {
	t.mu.Lock()
	differs := (cause == nil) != (t.full == nil)
	if differs {
		t.full, t.fullSince = cause, time.Now()
	}
	t.mu.Unlock()
	if differs {
		t.changed.Beat()
	}
}

// wrote takes note of what became of a write.
func (t *trouble) wrote(err error) {
	switch {
	case err == nil:
		t.setFull(nil)
	case errors.Is(err, rpctypes.ErrNoSpace):
		t.setFull(err)
	}
}

// Condition tells how the store is. That it is full is known from writes of this
// process and from Check.
func (s *Store) Condition() Condition {
	if c := s.contact(); c.Lost() {
		switch none := s.link.Route.Leaderless(); {
		case none != nil:
			c.Kind, c.Cause = ErrNoLeader, none
		case c.Cause != nil && errors.Is(link.KindOf(c.Cause), ErrNoLeader):
			c.Kind = ErrNoLeader
		}
		return c
	}
	s.trouble.mu.Lock()
	defer s.trouble.mu.Unlock()
	if s.trouble.full != nil {
		return Condition{Kind: ErrFull, Since: s.trouble.fullSince, Cause: s.trouble.full}
	}
	return Condition{}
}

// troubleSettles is how long a condition lasts before it is logged: often the
// store is back at once.
const troubleSettles = time.Second

// tellTrouble logs a line when the store is lost, one when it is another
// trouble than before, and one when it is well again.
func (s *Store) tellTrouble() {
	var said Condition
	for s.link.Ctx.Err() == nil {
		changed := s.trouble.changed.Next()
		now := s.Condition()
		if now.String() != said.String() {
			s.link.Idle(min(troubleSettles, 2*s.link.Config.ProbeInterval))
			if again := s.Condition(); s.link.Ctx.Err() == nil && again.String() == now.String() {
				s.say(said, again)
				said = again
			}
			continue
		}
		select {
		case <-s.link.Ctx.Done():
		case <-changed:
		}
	}
}

// say logs what the store's condition is now.
func (s *Store) say(before, now Condition) {
	if now.Kind == nil {
		s.link.Config.Logger.Info("the store is well again", "it_was", before.String(), "for", time.Since(before.Since).Round(time.Millisecond))
		return
	}
	s.link.Config.Logger.Error("the store is in trouble; trying until it is well", "condition", now.String(), "since", now.Since, "error", errors.Join(now.Kind, now.Cause))
}

const (
	// checkFor bounds one check, and its answer is used for checkReused.
	checkFor    = 2 * time.Second
	checkReused = 250 * time.Millisecond
)

// check is the last one that was made.
type check struct {
	mu   sync.Mutex
	made time.Time
	err  error
}

// Check finds out whether this process can serve requests: whether what it knows
// of the policy is the latest at the time of the call, or a quarter of a second
// before, and whether etcd takes writes. It returns the reason why not. One
// check is made for all who ask at once.
func (s *Store) Check(ctx context.Context) error {
	s.checked.mu.Lock()
	defer s.checked.mu.Unlock()
	if time.Since(s.checked.made) < checkReused {
		return s.checked.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkFor) // others wait for it, too
	defer cancel()
	s.checked.err = s.makeCheck(ctx)
	s.checked.made = time.Now()
	return s.checked.err
}

// makeCheck makes the check that Check is asked for.
func (s *Store) makeCheck(ctx context.Context) error {
	if err := s.Sync(ctx); err != nil {
		return err
	}
	head, err := s.head(ctx)
	if err == nil {
		err = s.cache().reach(ctx, head)
	}
	if err == nil {
		err = s.askAlarms(ctx)
	}
	if err != nil {
		return s.link.Failed("check", err)
	}
	if c := s.Condition(); c.Kind != nil {
		return &OpError{Op: "check", Kind: c.Kind, Err: c.Cause}
	}
	return nil
}

// askAlarms finds out whether etcd is full although nobody writes.
func (s *Store) askAlarms(ctx context.Context) error {
	st, err := pb.NewMaintenanceClient(s.link.Client.ActiveConnection()).Status(ctx, &pb.StatusRequest{})
	if err != nil {
		return rpctypes.Error(err)
	}
	var full error
	if slices.ContainsFunc(st.Errors, func(e string) bool { return strings.Contains(e, pb.AlarmType_NOSPACE.String()) }) {
		full = rpctypes.ErrNoSpace
	}
	s.trouble.setFull(full)
	return nil
}

// watchAlarms asks etcd now and then whether it is full, until the store is closed.
func (s *Store) watchAlarms() {
	for s.link.Ctx.Err() == nil {
		ctx, cancel := context.WithTimeout(s.link.Ctx, s.link.Config.ProbeTimeout)
		_ = s.askAlarms(ctx) // that etcd is lost is known otherwise
		cancel()
		s.link.Idle(s.link.Config.ProbeInterval)
	}
}
