package tracing

import (
	"context"
	"sync"
	"time"

	"github.com/ringfence/ringfence/httpapi/asking"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// How long a trace waits for its hosts in all, and how often it looks again where
// policy and datapath differ while the host is not at the policy's revision.
const (
	traceTimeout  = 10 * time.Second
	traceAttempts = 5
	traceAgain    = 50 * time.Millisecond
)

// work answers a trace: the policy's verdict and the datapath's, which are
// compared at one revision, and what becomes of a packet if one is to be sent.
// The error is about the request.
func (r *Tracer) work(ctx context.Context, account, id string, spec *Spec) (*Trace, error) {
	for attempt := 1; ; attempt++ {
		t, err := r.tracePolicy(ctx, account, spec)
		if err != nil {
			return nil, err
		}
		r.traceDatapath(ctx, t)
		lags := t.compare()
		if !lags || attempt == traceAttempts || ctxOver(ctx) {
			if spec.Probe && !ctxOver(ctx) {
				r.probe(ctx, id, t)
			}
			return t.finish(account), nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(attempt) * traceAgain):
		}
	}
}

// ctxOver tells whether the time of a trace is over: what is known by then is the
// answer, and no error.
func ctxOver(ctx context.Context) bool { return ctx.Err() != nil }

// draft is a trace in the making.
type draft struct {
	path      *path
	legs      []*draftLeg // egress, then ingress, of ends that are NICs
	agreement *bool
}

type draftLeg struct {
	direction secgroup.Direction
	nic       *secgroup.NIC
	policy    Policy
	place     *store.Place // nil: plugged nowhere
	datapath  inquiry.Leg
	applied   int64
	asked     bool // the host has answered
	probe     *inquiry.ProbeLeg
	known     asking.KnownGroups
}

// tracePolicy resolves the request and judges it by the policy.
func (r *Tracer) tracePolicy(ctx context.Context, account string, spec *Spec) (*draft, error) {
	t := &draft{}
	at := realization.Placement{Places: r.Config.Store.Places}
	g := &nicsGone{past: r.Config.Past, places: at.Places, account: account, platform: spec.Platform}
	err := r.Config.Store.Read(ctx, func(s *secgroup.Snapshot) error {
		w, err := spec.resolve(s, account, g)
		if err != nil {
			return err
		}
		t.path = w
		w.oneHost = w.oneSegment && at.Together(w.src, w.dst)
		for _, end := range []struct {
			nic *secgroup.NIC
			d   secgroup.Direction
		}{{w.src, secgroup.Egress}, {w.dst, secgroup.Ingress}} {
			if end.nic == nil {
				continue
			}
			leg := &draftLeg{direction: end.d, nic: end.nic, policy: w.judge(s, end.nic, end.d), known: asking.KnownGroups{}}
			leg.known.Add(s, end.nic)
			if p, ok := at.Find(end.nic); ok {
				leg.place = &p
			}
			t.legs = append(t.legs, leg)
		}
		return nil
	})
	return t, err
}

// traceDatapath asks the hosts of the ends, each once.
func (r *Tracer) traceDatapath(ctx context.Context, t *draft) {
	byHost := map[string][]*draftLeg{}
	for _, l := range t.legs {
		l.asked = false
		if l.place == nil {
			l.datapath = inquiry.Leg{Verdict: inquiry.Deny, Reason: "not-plugged", Detail: "no host has the NIC plugged"}
			continue
		}
		byHost[l.place.Host] = append(byHost[l.place.Host], l)
	}
	var wg sync.WaitGroup
	for host, legs := range byHost {
		wg.Go(func() {
			if err := r.Config.Keeper.Run("trace at "+host, func() error {
				r.askTrace(ctx, t.path, host, legs)
				return nil
			}); err != nil {
				for _, l := range legs {
					l.datapath = inquiry.Leg{Verdict: inquiry.Unknown, Reason: "no-answer", Detail: err.Error()}
				}
			}
		})
	}
	wg.Wait()
}

func (r *Tracer) askTrace(ctx context.Context, w *path, host string, legs []*draftLeg) {
	q := w.question()
	for _, l := range legs {
		q.Egress = q.Egress || l.direction == secgroup.Egress
		q.Ingress = q.Ingress || l.direction == secgroup.Ingress
	}
	var answer inquiry.TraceAnswer
	err := asking.Ask(ctx, r.Config.Store, host, inquiry.KindTrace, q, &answer)
	for _, l := range legs {
		got := answer.Egress
		if l.direction == secgroup.Ingress {
			got = answer.Ingress
		}
		switch {
		case err != nil:
			l.datapath = inquiry.Leg{Verdict: inquiry.Unknown, Reason: "no-answer", Detail: asking.NoAnswer(host, err)}
		case got == nil:
			l.datapath = inquiry.Leg{Verdict: inquiry.Unknown, Reason: "no-answer", Detail: "host " + host + " says nothing of this leg"}
		default:
			l.datapath, l.applied, l.asked = *got, answer.Applied, true
		}
	}
}

// compare holds the datapath against the policy and reports whether they differ
// at hosts that are not at the policy's revision: then it is too early to tell.
func (t *draft) compare() (lags bool) {
	t.agreement = nil
	for _, l := range t.legs {
		if !l.comparable() {
			continue
		}
		same := l.datapath.Verdict == l.policy.Verdict
		if t.agreement == nil || !same {
			t.agreement = &same
		}
		lags = lags || !same && l.applied != t.path.revision
	}
	return lags
}
