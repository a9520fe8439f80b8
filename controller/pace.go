package controller

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ringfence/ringfence/unixctl"
)

// pace lets a few events through at once and, when they go on, one per cost:
// the generic cell rate algorithm.
type pace struct {
	slack time.Duration // how much cost may pile up
	paid  time.Time     // when all events so far are paid for
}

// spend notes an event.
func (p *pace) spend(now time.Time, cost time.Duration) {
	if p.paid.Before(now) {
		p.paid = now
	}
	p.paid = p.paid.Add(cost)
}

// wait is how long the next event has to wait if it costs that much.
func (p *pace) wait(now time.Time, cost time.Duration) time.Duration {
	if !p.paid.After(now) {
		return 0
	}
	return max(0, p.paid.Sub(now)-max(0, p.slack-cost))
}

// Cost of a commit: each one has ovs-vswitchd hold its cached megaflows against
// the tables again, and passes that follow one another without a pause take the
// time of everybody's first packets. A pass of 250 ms has it drop megaflows.
const (
	commitCost  = 10 * time.Millisecond
	commitSlack = 200 * time.Millisecond // 20 small changes at once
)

// Sampling of the last pass's duration: soon after a commit, at most that often.
const (
	sampleAfter = 20 * time.Millisecond
	sampleEvery = 5 * time.Second
)

// revalidation knows how long the last pass over the megaflows took.
type revalidation struct {
	ctl      *unixctl.Client
	datapath func() string
	metrics  *metrics
	kick     chan struct{} // a commit was made
	last     atomic.Int64  // nanoseconds
	flows    atomic.Int64  // megaflows, lately
}

// cost is what a commit costs now.
func (r *revalidation) cost() time.Duration {
	return max(commitCost, 2*r.duration())
}

// duration is how long the last pass took.
func (r *revalidation) duration() time.Duration { return time.Duration(r.last.Load()) }

// cached is how many megaflows there were lately.
func (r *revalidation) cached() int { return int(r.flows.Load()) }

// committed has the next pass measured.
func (r *revalidation) committed() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

func (r *revalidation) run(ctx context.Context) error {
	for {
		idle := time.NewTimer(sampleEvery)
		select {
		case <-ctx.Done():
			idle.Stop()
			return ctx.Err()
		case <-idle.C:
		case <-r.kick:
			idle.Stop()
			if err := pause(ctx, sampleAfter); err != nil {
				return err
			}
		}
		r.sample(ctx)
	}
}

// sample asks the switch; one that is away says nothing.
func (r *revalidation) sample(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	all, err := r.ctl.Revalidations(ctx)
	if err != nil {
		return
	}
	name := r.datapath()
	for _, d := range all {
		if d.Datapath == name {
			r.last.Store(int64(d.Duration))
			r.flows.Store(int64(d.Flows))
			r.metrics.revalidation.Set(d.Duration.Seconds())
			r.metrics.megaflows.Set(float64(d.Flows))
		}
	}
}
