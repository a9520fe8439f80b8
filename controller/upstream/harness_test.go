package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/relay"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/store"
)

const patience = 2 * time.Minute

// platform is a policy that relays follow, and what they say of hosts.
type platform struct {
	t      *testing.T
	mu     sync.Mutex
	moved  chan struct{}
	policy *secgroup.Snapshot
	rev    int64
	log    []store.Batch // by which the policy came about
	said   map[string]store.HostStatus
	stands map[string]store.RelayStanding
	plugs  map[plugID]store.Plug
	lost   string // mark of a write that the store does not have
}

func newPlatform(t *testing.T, changes ...secgroup.Change) *platform {
	t.Helper()
	p := &platform{t: t, moved: make(chan struct{}), policy: secgroup.NewSnapshot(), said: map[string]store.HostStatus{}, stands: map[string]store.RelayStanding{}, plugs: map[plugID]store.Plug{}}
	p.write(changes...)
	return p
}

func (p *platform) beat() {
	close(p.moved)
	p.moved = make(chan struct{})
}

// step makes one revision of the next change of a random history, and says which it is.
func (p *platform) step(g *policytest.Gen) (name string, rev int64) {
	p.mu.Lock()
	name, changes := g.Step(p.policy)
	p.mu.Unlock()
	return name, p.write(changes...)
}

// write makes one revision.
func (p *platform) write(changes ...secgroup.Change) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rev++
	p.policy, _ = p.policy.With(p.rev, changes)
	b := store.Batch{Revision: p.rev, Mark: fmt.Sprint("mark-", p.rev), Changes: changes}
	if p.rev == 1 {
		b.Full, b.Changes = p.policy, nil
	}
	p.log = append(p.log, b)
	p.beat()
	return p.rev
}

// Follow is that of relay.Policy.
func (p *platform) Follow(ctx context.Context, h store.Handler) error {
	for next := 0; ; {
		p.mu.Lock()
		batches, moved := p.log[next:], p.moved
		p.mu.Unlock()
		for _, b := range batches {
			if err := h.Handle(ctx, b); err != nil {
				return err
			}
		}
		next += len(batches)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		}
	}
}

func (p *platform) Latest(context.Context) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rev, nil
}

// FollowEpoch tells of one history.
func (p *platform) FollowEpoch(ctx context.Context, is func(string)) error {
	is("epoch-1")
	<-ctx.Done()
	return ctx.Err()
}

func (p *platform) Lost(_ context.Context, seen []store.Write) (bool, error) {
	return seen[len(seen)-1].Mark == p.lost, nil
}

func (p *platform) PutHost(ctx context.Context, h store.HostStatus) error {
	_, err := p.PutHosts(ctx, []store.HostStatus{h}, false)
	return err
}

func (p *platform) PutHosts(_ context.Context, hosts []store.HostStatus, _ bool) ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range hosts {
		p.said[h.Host] = h
	}
	p.beat()
	return nil, nil
}

func (p *platform) PutRelay(_ context.Context, r store.RelayStanding) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stands[r.Relay] = r
	p.beat()
	return nil
}

func (p *platform) ServeManyAsks(ctx context.Context, _ func(string) (inquiry.Answerer, bool)) error {
	<-ctx.Done()
	return ctx.Err()
}

func (p *platform) FollowPlugs(ctx context.Context, h store.PlugHandler) error {
	for {
		p.mu.Lock()
		all, moved := slices.Collect(maps.Values(p.plugs)), p.moved
		p.mu.Unlock()
		h.All(all)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-moved:
		}
	}
}

func (p *platform) PutManyPlugs(_ context.Context, hosts []store.PlugsOf) (out []store.PlugsWritten) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range hosts {
		var written []store.Plug
		for _, one := range h.Plugs {
			one.Host, one.Order = h.Host, max(one.Order, p.rev)
			p.plugs[plugID{h.Host, one.NIC}] = one
			written = append(written, one)
		}
		for _, nic := range h.Gone {
			delete(p.plugs, plugID{h.Host, nic})
		}
		out = append(out, store.PlugsWritten{Plugs: written})
	}
	p.beat()
	return out
}

func (p *platform) SeatFree(context.Context, string) (bool, error) { return true, nil }

// at waits until a host is said by a relay to be at a revision.
func (p *platform) at(host, relay string, rev int64) {
	p.t.Helper()
	p.until(fmt.Sprintf("%s is at %d, says %s", host, rev, relay), func() bool {
		s := p.stands[relay]
		is, behind := s.Behind[host]
		return p.said[host].Relay == relay && (behind && is == rev || !behind && s.Revision == rev)
	})
}

// until waits until done, which is called with the lock, says so.
func (p *platform) until(what string, done func() bool) {
	p.t.Helper()
	late := time.After(patience)
	for {
		p.mu.Lock()
		is, moved := done(), p.moved
		stands := fmt.Sprint(p.stands, p.said)
		p.mu.Unlock()
		if is {
			return
		}
		select {
		case <-moved:
		case <-time.After(10 * time.Millisecond): // hosts say nothing when they are without a relay
		case <-late:
			p.t.Fatalf("%s: not in time; %s", what, stands)
		}
	}
}

// bearers are tokens by what they are of.
type bearers map[string]string

func (b bearers) Host(secret string) (string, error) {
	if name := b[secret]; name != "" {
		return name, nil
	}
	return "", errors.New("the token is not valid")
}

// served is a relay, behind a way that stays when it is another one.
type served struct {
	*relay.Relay
	p      *platform
	secure *tls.Config
	addr   string
	way    *way
	stop   func()
}

// serve starts a relay.
func (p *platform) serve(name string, secure *tls.Config) *served {
	p.t.Helper()
	s := &served{p: p, secure: secure, way: newWay(p.t), stop: func() {}}
	s.addr = s.way.addr
	s.start(name)
	p.t.Cleanup(func() {
		s.stop()
		s.way.end()
	})
	return s
}

// start starts another relay in the place of the one before.
func (s *served) start(name string) {
	t := s.p.t
	t.Helper()
	s.stop()
	r, err := relay.New(relay.Config{
		Policy: s.p, Board: s.p, Hosts: bearers{"of-h1": "h1", "of-h2": "h2"}, Name: name, Version: "test", Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = r.Run(ctx) })
	wg.Go(func() {
		if err := r.Serve(ctx, l, s.secure); err != nil {
			t.Error(err)
		}
	})
	s.Relay = r
	s.way.lead(l.Addr().String())
	s.stop = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
	})
}

// way is one to a relay, by TCP.
type way struct {
	addr string
	end  func()

	mu   sync.Mutex
	to   string
	held chan struct{} // closed: bytes go on
}

// lead has the way lead to another relay from now on.
func (w *way) lead(to string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.to = to
}

func newWay(t *testing.T) *way {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &way{addr: l.Addr().String(), held: make(chan struct{})}
	close(w.held)
	var wg sync.WaitGroup
	var all []net.Conn
	copyTo := func(dst, src net.Conn) {
		defer dst.Close()
		defer src.Close()
		buf := make([]byte, 1<<16)
		for {
			n, err := src.Read(buf)
			if err != nil {
				return
			}
			w.mu.Lock()
			held := w.held
			w.mu.Unlock()
			<-held
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
	}
	wg.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			w.mu.Lock()
			to := w.to
			w.mu.Unlock()
			far, err := net.Dial("tcp", to)
			if err != nil {
				from.Close()
				continue
			}
			w.mu.Lock()
			all = append(all, from, far)
			w.mu.Unlock()
			wg.Go(func() { copyTo(from, far) })
			wg.Go(func() { copyTo(far, from) })
		}
	})
	w.end = func() {
		l.Close()
		w.hold(false)
		w.mu.Lock()
		for _, c := range all {
			c.Close()
		}
		w.mu.Unlock()
		wg.Wait()
	}
	return w
}

// hold holds up what is sent, or lets it go on.
func (w *way) hold(is bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.held:
		if is {
			w.held = make(chan struct{})
		}
	default:
		if !is {
			close(w.held)
		}
	}
}

// host is a client with a share, and a switch that takes everything at once unless it
// is stuck.
type host struct {
	*Client
	t     *testing.T
	share *share.Held
	stop  func() // ends what follows

	mu      sync.Mutex
	stuck   bool
	updates []share.Update
	moved   chan struct{}
}

func (p *platform) host(t *testing.T, name string, cfg Config, nics ...string) *host {
	t.Helper()
	cfg.Host, cfg.Version = name, "test"
	if cfg.Token == nil {
		cfg.Token = func() (string, error) { return "of-" + name, nil }
	}
	if cfg.TLS == nil {
		cfg.TLS = func() *tls.Config { return nil }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h := &host{Client: c, t: t, moved: make(chan struct{})}
	h.share = share.New(name, func() {}, h.took)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := c.Follow(ctx, h.share); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}()
	h.stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(h.stop)
	h.plug(nics...)
	h.report(store.HostStatus{Connected: true, Applied: 1})
	return h
}

func (h *host) plug(nics ...string) {
	now := map[string]bool{}
	for _, nic := range nics {
		now[nic] = true
	}
	h.Plug(now, true)
}

func (h *host) report(s store.HostStatus) {
	s.Host, s.Instance, s.Machine, s.Started = h.cfg.Host, "instance-of-"+h.cfg.Host, "a machine", time.Unix(1, 0)
	if err := h.PutHost(h.t.Context(), s); err != nil {
		h.t.Error(err)
	}
}

// took is told of each update.
func (h *host) took(u share.Update) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.updates = append(h.updates, u)
	close(h.moved)
	h.moved = make(chan struct{})
	if !h.stuck {
		go h.applied(u.Number)
	}
}

// applied says that an update is in force everywhere.
func (h *host) applied(number uint64) { h.Applied(share.InForce{Whole: number, Latest: number}) }

func (h *host) last() share.Update {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.updates) == 0 {
		return share.Update{}
	}
	return h.updates[len(h.updates)-1]
}

// stick has the host apply nothing any more.
func (h *host) stick(is bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stuck = is
}

// has waits until the host has the share of a policy at a revision, or later: a
// revision that does not concern it is none there.
func (h *host) has(what string, p *platform) {
	h.t.Helper()
	p.mu.Lock()
	h.Client.mu.Lock()
	plugged := maps.Clone(h.plugged)
	h.Client.mu.Unlock()
	want := fmt.Sprint(canonical(span.Span(p.policy, h.cfg.Host, maps.Keys(plugged))))
	p.mu.Unlock()
	late := time.After(patience)
	for {
		h.mu.Lock()
		moved := h.moved
		h.mu.Unlock()
		var is string
		h.share.Share(func(s *span.Share) { is = fmt.Sprint(canonical(s)) })
		if is == want {
			return
		}
		select {
		case <-moved:
		case <-late:
			h.t.Fatalf("%s: the host does not get\n%s\nits share is\n%s", what, want, is)
		}
	}
}

// canonical says what is in a share.
func canonical(s *span.Share) (all []string) {
	for id, n := range s.NICs {
		all = append(all, fmt.Sprintf("nic %s %+v %v", id, n.Record, n.Groups))
	}
	for id, n := range s.Networks {
		all = append(all, fmt.Sprintf("network %s %s %v %d", id, n.RoutingDomain, n.Prefixes, n.VLAN))
	}
	for ref, g := range s.Groups {
		all = append(all, fmt.Sprintf("group %v %v %+v", ref, g.EgressPolicy, g.Rules))
	}
	for ref, domains := range s.Members {
		for domain, members := range domains {
			if len(members) > 0 {
				all = append(all, fmt.Sprintf("members %v %s %v", ref, domain, members))
			}
		}
	}
	slices.Sort(all)
	return append(all, fmt.Sprintf("baseline %+v", *s.Baseline))
}

// town is a random policy, and its NICs.
func town(seed uint64) (g *policytest.Gen, changes []secgroup.Change, nics []string) {
	g = policytest.Seeded(seed, policytest.Options{NICs: 8})
	changes = g.Policy()
	for _, n := range policytest.Load(changes).NICs() {
		nics = append(nics, n.ID)
	}
	return g, changes, nics
}

func openFrom(nic string, src, dst netip.Addr) impact.Open {
	o := impact.Open{NIC: nic}
	o.Conn.Packet.Src, o.Conn.Packet.Dst, o.Conn.Packet.Proto, o.Conn.Packet.SrcPort, o.Conn.Packet.DstPort = src, dst, 6, 40000, 80
	return o
}
