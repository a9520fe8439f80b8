// Package hostsim is a host with a switch that takes whatever it is given at once: the
// real stream to a relay, and the real share, for tests and benchmarks.
package hostsim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/span"
)

// Config says who a host is.
type Config struct {
	Relay    string // host:port
	TLS      credentials.TransportCredentials
	Token    string
	Name     string
	Instance string // "" is one made of the name
	NICs     []string
	Has      *wire.Point
	Share    *span.Share                  // that it has; nil: none, and it is sent all of it
	Answer   func(*wire.Ask) *wire.Answer // questions are not answered where it is, or returns, nil
	// Applied is told of each delta that was applied, and says whether the relay is to
	// hear of it; nil: always.
	Applied func(share *span.Share, d *wire.Delta) bool
	Version uint32 // of the protocol; 0: this one
}

// Host is one that is attached.
type Host struct {
	cfg  Config
	conn *grpc.ClientConn
	st   grpc.BidiStreamingClient[wire.FromHost, wire.ToHost]

	sending sync.Mutex
	mu      sync.Mutex
	share   *span.Share
	at      *wire.Point
	number  uint64
	plugs   uint64
	deltas  int // that came
	last    span.Delta
	changed chan struct{}
	bye     *wire.Goodbye
	judged  chan *wire.Judgement
	looked  chan *wire.Looked
	plugsAt map[string]*wire.Plug // by host/NIC; nil: nothing was said of them yet
	ended   chan struct{}
	err     error
}

// Attach begins a host's stream, which lasts until ctx ends.
func Attach(ctx context.Context, cfg Config) (*Host, error) {
	if cfg.TLS == nil {
		cfg.TLS = insecure.NewCredentials()
	}
	if cfg.Instance == "" {
		cfg.Instance = "instance-of-" + cfg.Name
	}
	if cfg.Version == 0 {
		cfg.Version = wire.Version
	}
	conn, err := grpc.NewClient(cfg.Relay, append(wire.DialOptions(), grpc.WithTransportCredentials(cfg.TLS))...)
	if err != nil {
		return nil, err
	}
	if cfg.Token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+cfg.Token)
	}
	st, err := wire.NewHostsClient(conn).Attach(ctx)
	if err != nil {
		conn.Close()
		return nil, err
	}
	share, held := span.NewShare(), (*wire.Held)(nil)
	if cfg.Share != nil {
		share, held = cfg.Share, wire.HeldOf(cfg.Share)
	}
	h := &Host{cfg: cfg, conn: conn, st: st, share: share, changed: make(chan struct{}), judged: make(chan *wire.Judgement, 1), looked: make(chan *wire.Looked, 1), ended: make(chan struct{})}
	if err := h.Send(&wire.FromHost{Kind: &wire.FromHost_Hello{Hello: &wire.Hello{
		Version: cfg.Version, Program: "hostsim", Host: cfg.Name, Instance: cfg.Instance, Machine: "a simulated one", Level: wire.Level,
		Has: cfg.Has, Plugs: plugs(1, cfg.NICs), Held: held,
	}}}); err != nil {
		conn.Close()
		return nil, err
	}
	h.plugs = 1
	go h.run()
	return h, nil
}

func plugs(number uint64, nics []string) *wire.Plugs {
	p := &wire.Plugs{Number: number, Full: true}
	for _, nic := range nics {
		p.Plugged = append(p.Plugged, &wire.Plug{Nic: nic, Row: "row-of-" + nic})
	}
	return p
}

// Send sends a message.
func (h *Host) Send(m *wire.FromHost) error {
	h.sending.Lock()
	defer h.sending.Unlock()
	return h.st.Send(m)
}

func (h *Host) run() {
	defer close(h.ended)
	defer h.conn.Close()
	var parts wire.Parts
	for {
		m, err := h.st.Recv()
		if err == nil {
			// What cannot be sent finds the stream at its end. The relay's goodbye is still
			// to be read, and so is why it ended.
			if err = h.heard(&parts, m); errors.Is(err, io.EOF) {
				err = nil
			}
		}
		if err != nil {
			h.mu.Lock()
			h.err = err
			h.beat()
			h.mu.Unlock()
			return
		}
	}
}

func (h *Host) heard(parts *wire.Parts, m *wire.ToHost) error {
	switch {
	case m.GetDelta() != nil:
		d, faults, done := parts.Add(m.GetDelta())
		if len(faults) > 0 {
			return fmt.Errorf("a delta that is not understood: %v", faults)
		}
		if !done {
			return nil
		}
		return h.apply(d, m.GetDelta())
	case m.GetAsk() != nil:
		if h.cfg.Answer == nil {
			return nil
		}
		if answer := h.cfg.Answer(m.GetAsk()); answer != nil {
			return h.Send(&wire.FromHost{Kind: &wire.FromHost_Answer{Answer: answer}})
		}
	case m.GetJudgement() != nil:
		h.judged <- m.GetJudgement()
	case m.GetLooked() != nil:
		h.looked <- m.GetLooked()
	case m.GetPlugsAt() != nil:
		h.plugged(m.GetPlugsAt())
	case m.GetGoodbye() != nil:
		h.mu.Lock()
		h.bye = m.GetGoodbye()
		h.mu.Unlock()
	}
	return nil
}

// plugged takes what is said of plugs.
func (h *Host) plugged(m *wire.PlugsAt) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if m.GetFull() || h.plugsAt == nil {
		h.plugsAt = map[string]*wire.Plug{}
	}
	for _, p := range m.GetSet() {
		h.plugsAt[p.GetHost()+"/"+p.GetNic()] = p
	}
	for _, p := range m.GetGone() {
		delete(h.plugsAt, p.GetHost()+"/"+p.GetNic())
	}
	h.beat()
}

func (h *Host) apply(d span.Delta, m *wire.Delta) error {
	h.mu.Lock()
	h.share.Apply(d)
	h.last = d
	h.at, h.number = m.GetAt(), m.GetNumber()
	h.deltas++
	say := h.cfg.Applied == nil || h.cfg.Applied(h.share, m)
	h.beat()
	h.mu.Unlock()
	if !say {
		return nil
	}
	return h.Acknowledge(m.GetNumber())
}

// Acknowledge says that a delta is applied.
func (h *Host) Acknowledge(number uint64) error {
	return h.Send(&wire.FromHost{Kind: &wire.FromHost_Applied{Applied: &wire.Applied{Delta: number}}})
}

// Plug says which NICs are plugged: these and no others.
func (h *Host) Plug(nics ...string) error {
	h.plugs++
	return h.Send(&wire.FromHost{Kind: &wire.FromHost_Plugs{Plugs: plugs(h.plugs, nics)}})
}

// Tell says of NICs that they are plugged, or plugged otherwise than before, and of
// others that they are gone.
func (h *Host) Tell(plugged []*wire.Plug, gone ...string) error {
	h.plugs++
	return h.Send(&wire.FromHost{Kind: &wire.FromHost_Plugs{Plugs: &wire.Plugs{Number: h.plugs, Plugged: plugged, Gone: gone}}})
}

// Look asks whether the store has lost a write.
func (h *Host) Look(ctx context.Context, seen *wire.Point) (*wire.Looked, error) {
	return ask(ctx, h, &wire.FromHost{Kind: &wire.FromHost_Look{Look: &wire.Look{Id: 1, Seen: seen}}}, h.looked)
}

// Judge has connections judged.
func (h *Host) Judge(ctx context.Context, conns ...*wire.Connection) (*wire.Judgement, error) {
	return ask(ctx, h, &wire.FromHost{Kind: &wire.FromHost_Judge{Judge: &wire.Judge{Id: 1, Connections: conns}}}, h.judged)
}

// ask sends a question, and returns the answer that the relay gives to it.
func ask[T any](ctx context.Context, h *Host, question *wire.FromHost, answers <-chan T) (answer T, err error) {
	if err := h.Send(question); err != nil {
		return answer, err
	}
	select {
	case answer = <-answers:
		return answer, nil
	case <-h.ended:
		return answer, h.Err()
	case <-ctx.Done():
		return answer, ctx.Err()
	}
}

func (h *Host) beat() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// Seen is what Wait's condition looks at.
type Seen struct {
	Share  *span.Share
	At     *wire.Point
	Number uint64 // of the last delta
	Deltas int    // that came
	Last   span.Delta
	// Plugs are those that the relay has told of, by host/NIC; nil: none yet.
	Plugs map[string]*wire.Plug
}

// Wait waits until done says so of what the host has. It is an error if the stream
// ends before.
func (h *Host) Wait(ctx context.Context, done func(Seen) bool) error {
	for {
		h.mu.Lock()
		ok, changed, err := done(Seen{h.share, h.at, h.number, h.deltas, h.last, h.plugsAt}), h.changed, h.err
		h.mu.Unlock()
		switch {
		case ok:
			return nil
		case err != nil:
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// Ended waits until the stream ends, and returns what the relay said, nil if nothing.
func (h *Host) Ended(ctx context.Context) (*wire.Goodbye, error) {
	select {
	case <-h.ended:
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.bye, h.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Err is why the stream ended.
func (h *Host) Err() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}
