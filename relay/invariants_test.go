package relay

import (
	"context"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/store"
)

// anybody bears every token.
type anybody struct{}

func (anybody) Host(string) (string, error) { return AnyHost, nil }

// noPolicy is one that never comes.
type noPolicy struct{}

func (noPolicy) Follow(ctx context.Context, _ store.Handler) error { <-ctx.Done(); return ctx.Err() }
func (noPolicy) Latest(context.Context) (int64, error)             { return 0, nil }
func (noPolicy) Lost(context.Context, []store.Write) (bool, error) { return false, nil }
func (noPolicy) FollowEpoch(ctx context.Context, _ func(string)) error {
	<-ctx.Done()
	return ctx.Err()
}

func newRelay(t *testing.T) *Relay {
	t.Helper()
	r, err := New(Config{Policy: noPolicy{}, Hosts: anybody{}, Name: "r", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *Relay) handle(t *testing.T, b store.Batch) {
	t.Helper()
	if err := (*feed)(r).Handle(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

// model is a host at the other end of a session, which takes messages and
// acknowledges them when the test says so.
type model struct {
	s       *session
	share   *span.Share
	plugged map[string]struct{}
	sent    []sent   // and not acknowledged
	changes []change // of Span, of those that are not known to be applied
	clock   int      // of the changes
}

// change is a revision at which Span changed, and when that was.
type change struct {
	rev   int64
	clock int
}

// sent is a delta, and when it was taken.
type sent struct {
	number uint64
	clock  int
}

func (p *model) changed(rev int64) {
	p.clock++
	p.changes = append(p.changes, change{rev, p.clock})
}

func attach(t *testing.T, r *Relay, host, instance string) *model {
	t.Helper()
	p := &model{share: span.NewShare(), plugged: map[string]struct{}{}}
	p.attach(t, r, host, instance, nil)
	return p
}

// attach begins a stream, with what the host has.
func (p *model) attach(t *testing.T, r *Relay, host, instance string, held *wire.Held) {
	t.Helper()
	full := &wire.Plugs{Full: true}
	for nic := range p.plugged {
		full.Plugged = append(full.Plugged, &wire.Plug{Nic: nic})
	}
	s, err := r.openSession(t.Context(), &wire.Hello{Host: host, Instance: instance, Version: wire.Version, Plugs: full, Held: held}, false)
	if err != nil {
		t.Fatal(err)
	}
	p.s, p.sent = s, nil
}

// take takes what there is to send, as a stream would bring it.
func (p *model) take() {
	p.s.relay.mu.Lock()
	taken := p.s.takeOutgoing()
	p.s.relay.mu.Unlock()
	if taken.delta == nil {
		return
	}
	var parts wire.Parts
	for _, m := range encoded(taken.toSend(), 500) {
		d, _, done := parts.Add(m)
		if done {
			p.share.Apply(d)
		}
	}
	p.sent = append(p.sent, sent{taken.number, p.clock})
}

// encoded are the messages of a delta as they come.
func encoded(d span.Delta, most int) (all []*wire.Delta) {
	parts, err := wire.Encode(d, most)
	for _, m := range parts {
		var b []byte
		if b, err = proto.Marshal(m); err == nil {
			there := &wire.Delta{}
			err = proto.Unmarshal(b, there)
			all = append(all, there)
		}
	}
	if err != nil {
		panic(err)
	}
	return all
}

// acknowledge says that the first n deltas that are not applied are.
func (p *model) acknowledge(n int) {
	if n == 0 {
		return
	}
	last := p.sent[n-1]
	p.sent = p.sent[n:]
	p.s.relay.mu.Lock()
	p.s.acknowledge(last.number)
	p.s.relay.mu.Unlock()
	p.changes = slices.DeleteFunc(p.changes, func(c change) bool { return c.clock <= last.clock })
}

// at is the highest revision at which the host is, by definition: all before it that
// changed its share are in what it applied.
func (p *model) at(relay int64) int64 {
	at := relay
	for _, c := range p.changes {
		at = min(at, c.rev-1)
	}
	return at
}

// TestAppliedIsNeverEarly: whatever happens to the policy and to what is plugged,
// however slow the hosts are, and whatever the relay is restored to: a host's share,
// when all is sent, is what Span makes of the policy; and it counts as at a revision
// exactly when it has applied whatever changed its share up to there.
func TestAppliedIsNeverEarly(t *testing.T) {
	t.Parallel()
	behind, spared, replaced, again := 0, 0, 0, 0
	for seed := range uint64(5) {
		g := policytest.Seeded(seed, policytest.Options{NICs: 14, Guard: true, Shares: seed%3 > 0})
		r := newRelay(t)
		policy := secgroup.NewSnapshot()
		rev := int64(1)
		first := g.Policy()
		policy, _ = policy.With(rev, first)
		r.handle(t, store.Batch{Revision: rev, Full: policytest.LoadAt(rev, first), Broken: true})
		peers := map[string]*model{}
		for _, host := range []string{"h1", "h2", "h3"} {
			peers[host] = attach(t, r, host, "i")
			peers[host].changed(rev)
		}
		shareOf := func(host string) *span.Share { return span.Span(policy, host, maps.Keys(peers[host].plugged)) }
		for i := range 120 {
			before := map[string]*span.Share{}
			for host := range peers {
				before[host] = shareOf(host)
			}
			switch g.IntN(12) {
			case 0: // what is plugged
				for host, p := range peers {
					if g.IntN(2) == 0 {
						continue
					}
					m := &wire.Plugs{Number: uint64(i), Full: true}
					p.plugged = map[string]struct{}{}
					for _, n := range policy.NICs() {
						if g.IntN(3) == 0 {
							p.plugged[n.ID] = struct{}{}
							m.Plugged = append(m.Plugged, &wire.Plug{Nic: n.ID})
						}
					}
					r.mu.Lock()
					p.s.plug(m)
					r.mu.Unlock()
					p.changed(rev) // it counts as of the revision at which it was plugged
					before[host] = shareOf(host)
				}
			case 1: // restored, to a revision of the past
				if g.IntN(4) > 0 {
					break
				}
				var all []secgroup.Change
				for o := range policy.Objects() {
					all = append(all, secgroup.Put(o))
				}
				rev = max(1, rev-int64(g.IntN(20)))
				policy = secgroup.NewSnapshot()
				policy, _ = policy.With(rev, all)
				r.handle(t, store.Batch{Revision: rev, Full: policytest.LoadAt(rev, all), Broken: true})
				for host, p := range peers {
					p.changes = nil
					p.changed(1)
					p.sent = nil
					before[host] = shareOf(host)
				}
			case 2: // a host that comes again, with what it had been sent
				host := []string{"h1", "h2", "h3"}[g.IntN(3)]
				p := peers[host]
				held := wire.HeldOf(p.share)
				if g.IntN(4) == 0 {
					held = nil // of a version that does not say so
				}
				p.attach(t, r, host, "i", held)
				p.changes = nil
				p.changed(1)
				again++
			default:
				rev++
				_, changes := g.Step(policy)
				policy, _ = policy.With(rev, changes)
				r.handle(t, store.Batch{Revision: rev, Changes: changes})
			}
			for host, p := range peers {
				if !reflect.DeepEqual(before[host], shareOf(host)) {
					p.changed(rev)
				}
				if g.IntN(map[string]int{"h1": 1, "h2": 2, "h3": 12}[host]) == 0 { // h3 is slow
					p.take()
				}
				if n := len(p.sent); n > 0 {
					p.acknowledge(g.IntN(n + 1))
				}
				r.mu.Lock()
				if at, behind := r.behind[host]; behind != (p.s.applied() < rev) || behind && at != p.s.applied() {
					t.Fatalf("seed %d, step %d: %s is reported at %d (%t), and is at %d of %d", seed, i, host, at, behind, p.s.applied(), rev)
				}
				got, full := p.s.applied(), p.s.pending
				r.mu.Unlock()
				if want := p.at(rev); got != want {
					t.Fatalf("seed %d, step %d: %s counts as at %d, and is at %d of %d", seed, i, host, got, want, rev)
				} else if got < rev {
					behind++
				} else {
					spared++
				}
				if full.whole {
					replaced++
				}
				if !full.due {
					if !sameShare(shareOf(host), p.share) {
						t.Fatalf("seed %d, step %d: the share of %s is not Span's", seed, i, host)
					}
				}
			}
		}
	}
	if behind < 50 || spared < 50 || replaced == 0 || again == 0 {
		t.Errorf("%d times behind, %d times not, %d shares in place of a delta, %d streams begun again: too tame a history", behind, spared, replaced, again)
	}
}

// sameShare compares two shares; no list and an empty one are the same.
func sameShare(a, b *span.Share) bool {
	local := func(s *span.Share) []*wire.Delta {
		return encoded(fullOf(s), 1<<30)
	}
	return reflect.DeepEqual(local(a)[0].String(), local(b)[0].String())
}
