package relay

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/ringfence/ringfence/internal/hostsim"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/store"
)

// TestAHostThatComesAgain: is sent what differs from what it has, and not the rest,
// also by a relay that never saw it; and counts as behind until it has applied that.
func TestAHostThatComesAgain(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.restore(1, town()...)
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	first, err := hostsim.Attach(ctx, hostsim.Config{Relay: s.addr, Token: "any", Name: "h1", NICs: []string{"n1", "n2"}})
	if err != nil {
		t.Fatal(err)
	}
	var had *span.Share
	wait(t, first, "its share", func(s hostsim.Seen) bool { had = s.Share; return len(s.Share.Groups) == 2 })
	leave()
	_, _ = first.Ended(soon(t))
	s.write(ruled("gn2", 80, 81))
	rev := s.write(ruled("gnobody", 80))
	other := serve(t)
	changes := append(town(), ruled("gn2", 80, 81))
	other.restore(rev, changes...)
	for what, to := range map[string]*served{"the same relay": s, "another one": other} {
		share := span.NewShare()
		share.Apply(fullOf(had))
		h := to.host(t, hostsim.Config{Name: "h1", NICs: []string{"n1", "n2"}, Share: share, Applied: func(*span.Share, *wire.Delta) bool { return false }})
		wait(t, h, what, func(s hostsim.Seen) bool {
			if s.Deltas == 0 {
				return false
			}
			if d := s.Last; d.Full || len(d.Groups) != 1 || len(d.NICs)+len(d.Networks)+len(d.Members) > 0 || d.Baseline != nil || rules(s, "gn2") != 2 || rules(s, "gn1") != 1 {
				t.Errorf("%s sends %+v", what, d)
			}
			return s.At.GetRevision() == rev
		})
		to.at(t, "h1", 0)
		if err := h.Acknowledge(1); err != nil {
			t.Fatal(err)
		}
		to.at(t, "h1", rev)
	}
}

// fullOf is a share as a full delta.
func fullOf(s *span.Share) span.Delta {
	d := span.Delta{Full: true, NICs: map[string]*span.NIC{}, Networks: s.Networks, Groups: s.Groups, Members: map[span.Label]span.Change{}, Baseline: s.Baseline}
	for id, n := range s.NICs {
		d.NICs[id] = &n
	}
	for ref, domains := range s.Members {
		for domain, list := range domains {
			d.Members[span.Label{Group: ref, Domain: domain}] = span.Change{Add: list}
		}
	}
	return d
}

// BenchmarkAChangeForAll is what a relay does for a change that concerns each of a
// thousand hosts, but for the connections: with what they have in common encoded once,
// and for each of them.
func BenchmarkAChangeForAll(b *testing.B) {
	for _, rules := range []int{1, 500} {
		for name, most := range map[string]int{"once": encodedMost, "each": 0} {
			b.Run(fmt.Sprintf("rules=%d/%s", rules, name), func(b *testing.B) {
				r, err := New(Config{Policy: noPolicy{}, Hosts: anybody{}, Name: "r"})
				if err != nil {
					b.Fatal(err)
				}
				r.encoder = wire.NewEncoder(most)
				handle := func(batch store.Batch) {
					if err := (*feed)(r).Handle(b.Context(), batch); err != nil {
						b.Fatal(err)
					}
				}
				handle(store.Batch{Revision: 1, Full: policytest.LoadAt(1, town()), Broken: true})
				all := make([]*session, 1000)
				for i := range all {
					plugs := &wire.Plugs{Full: true, Plugged: []*wire.Plug{{Nic: "n1"}}}
					if all[i], err = r.openSession(b.Context(), &wire.Hello{Host: fmt.Sprint("h", i), Instance: "i", Version: wire.Version, Plugs: plugs}, false); err != nil {
						b.Fatal(err)
					}
				}
				send := func() {
					for _, s := range all {
						r.mu.Lock()
						t := s.takeOutgoing()
						r.mu.Unlock()
						parts, err := r.encoder.Encode(t.toSend(), wire.PartSize)
						if err != nil {
							b.Fatal(err)
						}
						for _, m := range parts {
							if _, err := proto.Marshal(m); err != nil {
								b.Fatal(err)
							}
						}
						r.mu.Lock()
						s.acknowledge(t.number)
						r.mu.Unlock()
					}
				}
				send()
				rev := int64(1)
				for b.Loop() {
					rev++
					ports := make([]uint16, rules)
					for i := range ports {
						ports[i] = uint16(1 + i + int(rev)%2)
					}
					handle(store.Batch{Revision: rev, Changes: []secgroup.Change{ruled("gn1", ports...)}})
					send()
				}
			})
		}
	}
}
