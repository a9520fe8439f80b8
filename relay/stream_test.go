package relay

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/internal/hostsim"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/store"
)

// written is a policy that a test writes.
type written struct {
	mu      sync.Mutex
	rev     int64
	latest  int64 // what etcd has, where that is not rev
	batches chan store.Batch
	epochs  chan string
}

func (w *written) Follow(ctx context.Context, h store.Handler) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case b := <-w.batches:
			if err := h.Handle(ctx, b); err != nil {
				return err
			}
		}
	}
}

func (w *written) Latest(context.Context) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return max(w.rev, w.latest), nil
}

// Lost takes the marks that write makes for those of this history.
func (w *written) Lost(_ context.Context, seen []store.Write) (bool, error) {
	last := seen[len(seen)-1]
	if last.Mark == "unknown" {
		return false, errors.New("etcd is away")
	}
	return last.Mark != fmt.Sprint("mark-", last.Revision), nil
}

func (w *written) FollowEpoch(ctx context.Context, tell func(string)) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case epoch := <-w.epochs:
			tell(epoch)
		}
	}
}

// write makes one revision.
func (w *written) write(changes ...secgroup.Change) int64 {
	w.mu.Lock()
	w.rev++
	b := store.Batch{Revision: w.rev, Mark: fmt.Sprint("mark-", w.rev), Changes: changes}
	w.mu.Unlock()
	w.batches <- b
	return b.Revision
}

// restore puts another history in the place of the one before.
func (w *written) restore(rev int64, changes ...secgroup.Change) {
	w.mu.Lock()
	w.rev = rev
	w.mu.Unlock()
	w.batches <- store.Batch{Revision: rev, Mark: fmt.Sprint("other-", rev), Full: policytest.LoadAt(rev, changes), Broken: true}
}

// bearers are tokens by what they are.
type bearers map[string]string

func (b bearers) Host(secret string) (string, error) {
	switch name, ok := b[secret]; {
	case secret == "panics":
		panic("as a test will have it")
	case !ok:
		return "", errors.New("the token is not valid")
	default:
		return name, nil
	}
}

// served is a relay that hosts can come to.
type served struct {
	*Relay
	*written
	addr string
}

func serve(t *testing.T) *served {
	t.Helper()
	return serveFor(t, Config{Logger: slog.New(slog.DiscardHandler)})
}

func pause() { time.Sleep(5 * time.Millisecond) }

func serveFor(t *testing.T, cfg Config) *served {
	t.Helper()
	return serveTLS(t, cfg, nil)
}

func serveTLS(t *testing.T, cfg Config, secure *tls.Config) *served {
	t.Helper()
	s := &served{written: &written{batches: make(chan store.Batch), epochs: make(chan string)}}
	if cfg.Hosts == nil {
		cfg.Hosts = bearers{"any": AnyHost, "of-h1": "h1"}
	}
	cfg.Policy, cfg.Name, cfg.Version = s.written, "relay-1", "test"
	cfg.timing.hello, cfg.timing.prove = time.Minute, 20*time.Millisecond
	var err error
	s.Relay, err = New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Run(ctx) })
	wg.Go(func() {
		if err := s.Serve(ctx, l, secure); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
	})
	return s
}

func (s *served) host(t *testing.T, cfg hostsim.Config) *hostsim.Host {
	t.Helper()
	cfg.Relay = s.addr
	if cfg.Token == "" {
		cfg.Token = "any"
	}
	h, err := hostsim.Attach(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

const patience = 2 * time.Minute

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func wait(t *testing.T, h *hostsim.Host, what string, done func(hostsim.Seen) bool) {
	t.Helper()
	if err := h.Wait(soon(t), done); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// at waits until a host counts as at a revision.
func (s *served) at(t *testing.T, host string, rev int64) {
	t.Helper()
	for ctx := soon(t); ; {
		s.Relay.mu.Lock()
		session, moved := s.sessions[host], s.changed
		is := int64(-1)
		if session != nil {
			is = session.applied()
		}
		s.Relay.mu.Unlock()
		if is == rev {
			return
		}
		select {
		case <-moved:
		case <-ctx.Done():
			t.Fatalf("%s is at %d, not %d", host, is, rev)
		}
	}
}

func ruled(id string, ports ...uint16) secgroup.Change {
	g := &secgroup.Group{GroupRef: secgroup.GroupRef{Account: "acme", ID: id}, Name: id, EgressPolicy: secgroup.EgressAuto, NetworkScope: secgroup.ScopeAny}
	for _, p := range ports {
		g.Rules = append(g.Rules, secgroup.Rule{ID: fmt.Sprintf("r-%05d", p), Direction: secgroup.Ingress, Family: secgroup.FamilyAny, Protocol: secgroup.ProtocolTCP, PortMin: p, PortMax: p, Enabled: true, Origin: secgroup.OriginUser})
	}
	return secgroup.Put(g)
}

// town is a policy of two NICs, each with its own group.
func town() []secgroup.Change {
	network := &secgroup.Network{ID: "net", Type: secgroup.NetworkVPC, VPC: "v"}
	network.Normalize()
	all := []secgroup.Change{
		secgroup.Put(&secgroup.Account{ID: "acme", EgressPolicyDefault: secgroup.EgressAuto, EgressOpenGuard: secgroup.GuardAllow}), secgroup.Put(network), secgroup.Put(&secgroup.Group{GroupRef: secgroup.GroupRef{Account: "acme", ID: "default"}, Name: "default", IsDefault: true, EgressPolicy: secgroup.EgressAuto, NetworkScope: secgroup.ScopeAny}),
	}
	for i, id := range []string{"n1", "n2"} {
		all = append(all, secgroup.Put(&secgroup.NIC{
			ID: id, Account: "acme", Network: "net", MAC: secgroup.MAC{2, 0, 0, 0, 0, byte(i)}, Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + i)})}, Enforcement: secgroup.EnforcementOn,
		}), ruled("g"+id, 80), secgroup.Put(&secgroup.Attachment{Group: secgroup.GroupRef{Account: "acme", ID: "g" + id}, NIC: id}))
	}
	return all
}

func rules(s hostsim.Seen, group string) int {
	g := s.Share.Groups[secgroup.GroupRef{Account: "acme", ID: group}]
	if g == nil {
		return -1
	}
	return len(g.Rules)
}

// TestAChangeReachesWhomItConcerns: and nobody else gets a message, or has to say
// anything, to count as at its revision.
func TestAChangeReachesWhomItConcerns(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.restore(7, town()...)
	h1, h2 := s.host(t, hostsim.Config{Name: "h1", Token: "of-h1", NICs: []string{"n1"}}), s.host(t, hostsim.Config{Name: "h2", NICs: []string{"n2"}})
	wait(t, h1, "its share", func(s hostsim.Seen) bool { return rules(s, "gn1") == 1 })
	wait(t, h2, "its share", func(s hostsim.Seen) bool { return rules(s, "gn2") == 1 && rules(s, "gn1") == -1 })
	s.at(t, "h1", 7)
	s.at(t, "h2", 7)
	var before int
	wait(t, h2, "", func(s hostsim.Seen) bool { before = s.Deltas; return true })
	for i := range 5 {
		rev := s.write(ruled("gn1", 80, uint16(100+i)))
		wait(t, h1, "the change", func(s hostsim.Seen) bool { return s.At.GetRevision() == rev })
		s.at(t, "h1", rev)
		s.at(t, "h2", rev)
	}
	wait(t, h2, "", func(s hostsim.Seen) bool {
		if s.Deltas != before {
			t.Errorf("a host that nothing concerned got %d deltas", s.Deltas-before)
		}
		return true
	})
	// What is plugged comes, and what is not any more goes.
	if err := h2.Plug("n2", "n1"); err != nil {
		t.Fatal(err)
	}
	wait(t, h2, "what was plugged", func(s hostsim.Seen) bool { return rules(s, "gn1") == 2 })
	if err := h2.Plug(); err != nil {
		t.Fatal(err)
	}
	wait(t, h2, "what was unplugged", func(s hostsim.Seen) bool { return len(s.Share.NICs)+len(s.Share.Groups) == 0 })
	// A policy that was restored takes the place of the one before.
	s.restore(3, town()...)
	wait(t, h1, "the restored policy", func(s hostsim.Seen) bool {
		return s.At.GetRevision() == 3 && s.At.GetMark() == "other-3" && rules(s, "gn1") == 1
	})
	s.at(t, "h1", 3)
}

// TestAHostThatDoesNotApply: it counts as behind from the revision on that concerned
// it, and is sent whatever comes all the same: who cannot apply one thing is not to miss
// a revocation.
func TestAHostThatDoesNotApply(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.restore(1, town()...)
	var mu sync.Mutex
	var stuck bool
	h := s.host(t, hostsim.Config{Name: "h1", NICs: []string{"n1"}, Applied: func(*span.Share, *wire.Delta) bool {
		mu.Lock()
		defer mu.Unlock()
		return !stuck
	}})
	other := s.host(t, hostsim.Config{Name: "h2", NICs: []string{"n2"}})
	s.at(t, "h1", 1)
	s.at(t, "h2", 1)
	mu.Lock()
	stuck = true
	mu.Unlock()
	var last int64
	for i := range 3 * unacknowledgedMost {
		last = s.write(ruled("gn1", 80, uint16(100+i)))
		rev := last
		wait(t, h, "a change that it does not apply", func(s hostsim.Seen) bool { return s.At.GetRevision() == rev })
	}
	s.at(t, "h2", last)
	s.at(t, "h1", 1)
	last = s.write(ruled("gn2", 80, 443))
	wait(t, other, "its own change", func(s hostsim.Seen) bool { return rules(s, "gn2") == 2 })
	s.at(t, "h2", last)
	wait(t, h, "the last change", func(s hostsim.Seen) bool {
		return rules(s, "gn1") == 2 && s.Share.Groups[secgroup.GroupRef{Account: "acme", ID: "gn1"}].Rules[1].PortMin == 100+3*unacknowledgedMost-1
	})
	var number uint64
	wait(t, h, "", func(s hostsim.Seen) bool { number = s.Number; return true })
	s.Relay.mu.Lock()
	if n := len(s.sessions["h1"].unacknowledged); n != unacknowledgedMost {
		t.Errorf("%d deltas are kept apart", n)
	}
	s.Relay.mu.Unlock()
	if err := h.Acknowledge(number - 1); err != nil {
		t.Fatal(err)
	}
	s.Relay.mu.Lock()
	is := s.sessions["h1"].applied()
	s.Relay.mu.Unlock()
	if is >= last-1 {
		t.Errorf("it is at %d although the last delta is not applied", is)
	}
	if err := h.Acknowledge(number); err != nil {
		t.Fatal(err)
	}
	s.at(t, "h1", last)
}

func refusedWith(t *testing.T, h *hostsim.Host, code codes.Code, words string) {
	t.Helper()
	bye, err := h.Ended(soon(t))
	if status.Code(err) != code || !strings.Contains(bye.GetReason(), words) || !strings.Contains(err.Error(), words) {
		t.Errorf("refused with %v and %q, want %v and %q", err, bye.GetReason(), code, words)
	}
}

// TestAHostSpeaksForItselfAlone: by whatever credential.
func TestAHostSpeaksForItselfAlone(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.restore(1, town()...)
	for _, c := range []struct {
		cfg   hostsim.Config
		code  codes.Code
		words string
	}{
		{hostsim.Config{Name: "h2", Token: "of-h1"}, codes.PermissionDenied, "of host h1, and not of h2"},
		{hostsim.Config{Name: "h1", Token: "nobody's"}, codes.Unauthenticated, "not valid"},
		{hostsim.Config{Name: "a/b"}, codes.InvalidArgument, "a host's name"},
		{hostsim.Config{Name: ""}, codes.InvalidArgument, "a host's name"},
		{hostsim.Config{Name: "h1", NICs: make([]string, maxPlugged+1)}, codes.ResourceExhausted, "may have"},
	} {
		refusedWith(t, s.host(t, c.cfg), c.code, c.words)
	}
	h, err := hostsim.Attach(t.Context(), hostsim.Config{Relay: s.addr, Name: "h1"})
	if err != nil {
		t.Fatal(err)
	}
	refusedWith(t, h, codes.Unauthenticated, "neither a client certificate nor a token")
	if s.Hosts() != 0 {
		t.Errorf("%d hosts are attached", s.Hosts())
	}
}

// TestARevokedTokenEndsTheStream: with words, and the others go on.
func TestARevokedTokenEndsTheStream(t *testing.T) {
	t.Parallel()
	who := &revocable{good: map[string]bool{"h1": true, "h2": true}}
	s := serveFor(t, Config{Logger: slog.New(slog.DiscardHandler), Hosts: who})
	s.restore(1, town()...)
	h1, h2 := s.host(t, hostsim.Config{Name: "h1", Token: "h1", NICs: []string{"n1"}}), s.host(t, hostsim.Config{Name: "h2", Token: "h2", NICs: []string{"n2"}})
	s.at(t, "h1", 1)
	s.at(t, "h2", 1)
	who.revoke("h1")
	refusedWith(t, h1, codes.Unauthenticated, "not valid")
	rev := s.write(ruled("gn2", 1))
	wait(t, h2, "a change", func(s hostsim.Seen) bool { return s.At.GetRevision() == rev })
}

// revocable are tokens that are the names of their hosts.
type revocable struct {
	mu   sync.Mutex
	good map[string]bool
}

func (r *revocable) Host(secret string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.good[secret] {
		return "", errors.New("the token is not valid")
	}
	return secret, nil
}

func (r *revocable) revoke(secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.good, secret)
}

// TestTwoMachinesOfOneName: the second is refused, with words; the same machine may
// come again, and its former stream ends.
func TestTwoMachinesOfOneName(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.restore(1, town()...)
	first := s.host(t, hostsim.Config{Name: "h1", NICs: []string{"n1"}})
	s.at(t, "h1", 1)
	second := s.host(t, hostsim.Config{Name: "h1", Instance: "another", NICs: []string{"n2"}})
	refusedWith(t, second, codes.AlreadyExists, "two machines cannot stand for one name")
	rev := s.write(ruled("gn1", 1))
	wait(t, first, "a change", func(s hostsim.Seen) bool { return s.At.GetRevision() == rev })
	again := s.host(t, hostsim.Config{Name: "h1", NICs: []string{"n1"}})
	wait(t, again, "its share", func(s hostsim.Seen) bool { return rules(s, "gn1") == 1 })
	if bye, err := first.Ended(soon(t)); err == nil || !bye.GetRetryable() || !strings.Contains(bye.GetReason(), "another stream") {
		t.Errorf("the former stream ended with %v: %v", bye, err)
	}
	rev = s.write(ruled("gn1", 1, 2))
	wait(t, again, "a change", func(s hostsim.Seen) bool { return s.At.GetRevision() == rev })
	s.at(t, "h1", rev)
}

// TestNothingOlder: a host that has more than the relay is served when the relay has
// it, and at once if etcd does not.
func TestNothingOlder(t *testing.T) {
	t.Parallel()
	s := serve(t)
	early := s.host(t, hostsim.Config{Name: "h0", NICs: []string{"n1"}}) // before the relay has anything
	s.restore(5, town()...)
	wait(t, early, "its share", func(s hostsim.Seen) bool { return rules(s, "gn1") == 1 })
	s.written.mu.Lock()
	s.latest = 6 // and the relay is at 5
	s.written.mu.Unlock()
	ahead := s.host(t, hostsim.Config{Name: "h1", NICs: []string{"n1"}, Has: &wire.Point{Revision: 6, Mark: "mark-6"}})
	restored := s.host(t, hostsim.Config{Name: "h2", NICs: []string{"n1"}, Has: &wire.Point{Revision: 99, Mark: "mark-99"}})
	wait(t, restored, "the share of an etcd that went back", func(s hostsim.Seen) bool { return rules(s, "gn1") == 1 })
	unmarked := s.host(t, hostsim.Config{Name: "h3", NICs: []string{"n1"}, Has: &wire.Point{Revision: 99}})
	wait(t, unmarked, "the same without a mark", func(s hostsim.Seen) bool { return rules(s, "gn1") == 1 })
	s.write(ruled("gn1", 1, 2))
	wait(t, ahead, "its share", func(s hostsim.Seen) bool {
		if s.At != nil && s.At.GetRevision() < 6 {
			t.Errorf("a host that has revision 6 was sent %d", s.At.GetRevision())
		}
		return rules(s, "gn1") == 2
	})
}

// TestAPanicEndsOneStream: and no other.
func TestAPanicEndsOneStream(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.restore(1, town()...)
	well := s.host(t, hostsim.Config{Name: "h1", NICs: []string{"n1"}})
	wait(t, well, "its share", func(s hostsim.Seen) bool { return rules(s, "gn1") == 1 })
	if _, err := s.host(t, hostsim.Config{Name: "h2", Token: "panics"}).Ended(soon(t)); status.Code(err) != codes.Internal {
		t.Errorf("a panic ends a stream with %v", err)
	}
	rev := s.write(ruled("gn1", 1))
	wait(t, well, "a change", func(s hostsim.Seen) bool { return s.At.GetRevision() == rev })
}

// TestQuestionsToHosts: they go down, and the answers come up, whole or refused.
func TestQuestionsToHosts(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.restore(1, town()...)
	h := s.host(t, hostsim.Config{Name: "h1", Answer: func(a *wire.Ask) *wire.Answer {
		switch a.GetKind() {
		case "refuse":
			return &wire.Answer{Id: a.GetId(), Error: "not today"}
		case "silence":
			return nil
		}
		return &wire.Answer{Id: a.GetId(), Body: []byte(fmt.Sprintf(`{"kind":%q,"asked":%s,"revision":%d}`, a.GetKind(), a.GetBody(), a.GetRevision()))}
	}})
	s.at(t, "h1", 1)
	got, err := s.Ask(soon(t), "h1", "flows", json.RawMessage(`{"a":1}`))
	if want := `{"kind":"flows","asked":{"a":1},"revision":1}`; err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
	var refusal *inquiry.AnswerError
	if _, err := s.Ask(soon(t), "h1", "refuse", nil); !errors.As(err, &refusal) || refusal.Text != "not today" {
		t.Errorf("a refusal is %v", err)
	}
	if _, err := s.Ask(soon(t), "h2", "flows", nil); !errors.Is(err, inquiry.ErrNoAnswer) {
		t.Errorf("a host that is not here: %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Ask(short, "h1", "silence", nil); !errors.Is(err, inquiry.ErrNoAnswer) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no answer: %v", err)
	}
	// A bound, and room again when nobody waits any longer.
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range asksOpen {
		wg.Go(func() { _, _ = s.Ask(ctx, "h1", "silence", nil) })
	}
	// All of them are open before one more is asked, which would else take the place of one.
	for filled := soon(t); ; time.Sleep(time.Millisecond) {
		s.Relay.mu.Lock()
		open := len(s.sessions["h1"].asks.open)
		s.Relay.mu.Unlock()
		if open == asksOpen {
			break
		}
		if filled.Err() != nil {
			t.Fatalf("%d questions are open, want %d", open, asksOpen)
		}
	}
	if _, err := s.Ask(soon(t), "h1", "silence", nil); !errors.As(err, &refusal) || !strings.Contains(refusal.Text, "busy") {
		t.Errorf("one question too many: %v", err)
	}
	cancel()
	wg.Wait()
	if _, err := s.Ask(soon(t), "h1", "flows", json.RawMessage(`{}`)); err != nil {
		t.Errorf("after others gave up: %v", err)
	}
	// An answer in parts.
	go func() {
		for id := uint64(1); id < 1<<20 && h.Err() == nil && t.Context().Err() == nil; id++ {
			s.Relay.mu.Lock()
			last := s.sessions["h1"].asks.last
			s.Relay.mu.Unlock()
			if last < id {
				id--
				time.Sleep(time.Millisecond)
				continue
			}
			_ = h.Send(&wire.FromHost{Kind: &wire.FromHost_Answer{Answer: &wire.Answer{Id: id, Body: []byte(`{"a":`), More: true}}})
			_ = h.Send(&wire.FromHost{Kind: &wire.FromHost_Answer{Answer: &wire.Answer{Id: id, Body: []byte(`1}`)}}})
			if id > asksOpen && last == id {
				return
			}
		}
	}()
	if got, err := s.Ask(soon(t), "h1", "silence", nil); err != nil || string(got) != `{"a":1}` {
		t.Errorf("in parts: %s, %v", got, err)
	}
}

// TestJudgement: the relay judges as the host would if it had the whole policy, and
// only of NICs that are plugged there.
func TestJudgement(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.restore(1, town()...)
	h := s.host(t, hostsim.Config{Name: "h1", NICs: []string{"n1"}})
	s.at(t, "h1", 1)
	conn := func(port uint16) impact.Conn {
		return impact.Conn{Both: true, Packet: packet.Tuple{
			Src: netip.AddrFrom4([4]byte{10, 0, 0, 2}), Dst: netip.AddrFrom4([4]byte{10, 0, 0, 1}), Proto: 6, SrcPort: 1, DstPort: port,
		}}
	}
	got, err := h.Judge(soon(t), wire.FromConn("n1", conn(80)), wire.FromConn("n1", conn(81)), wire.FromConn("n2", conn(80)))
	if err != nil {
		t.Fatal(err)
	}
	var allowed []bool
	for _, v := range got.GetVerdicts() {
		allowed = append(allowed, v.GetAllowed())
	}
	if fmt.Sprint(allowed) != "[true false false]" || got.GetRevision() != 1 || got.GetError() != "" {
		t.Errorf("%v", got)
	}
	if got, err := h.Judge(soon(t), &wire.Connection{Nic: "n1", Src: []byte{1}}); err != nil || got.GetError() == "" {
		t.Errorf("no connection is judged: %v, %v", got, err)
	}
	if got, err := h.Judge(soon(t), make([]*wire.Connection, judgedMost+1)...); err != nil || !strings.Contains(got.GetError(), "one batch") {
		t.Errorf("a batch without bound: %v, %v", got, err)
	}
}
