package upstream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/span"
)

// attach has one stream with a relay, until it ends. It tells whether the relay took
// the host in.
func (c *Client) attach(ctx context.Context, relay string) (took bool, err error) {
	conn, err := c.dial(relay)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	token, err := c.cfg.Token()
	if err != nil {
		return false, fmt.Errorf("token: %w", err)
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	out := ctx
	if token != "" {
		out = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	late := time.AfterFunc(c.cfg.timing.connect, func() { end(fmt.Errorf("no answer within %v", c.cfg.timing.connect)) })
	defer late.Stop()
	stream, err := wire.NewHostsClient(conn).Attach(out) // its error says why there is no connection
	if err != nil {
		return false, causeOf(ctx, err)
	}
	if !late.Stop() {
		return false, context.Cause(ctx)
	}
	welcome := time.AfterFunc(c.cfg.timing.welcome, func() { end(fmt.Errorf("the host was not taken in within %v", c.cfg.timing.welcome)) })
	defer welcome.Stop()
	g, within := errgroup.WithContext(ctx)
	s := newSession(within, c, stream, relay, end)
	held := c.held()
	hello := c.begin(s)
	hello.Held, s.held = held, held != nil
	defer c.end(s)
	if err := stream.Send(&wire.FromHost{Kind: &wire.FromHost_Hello{Hello: hello}}); err != nil {
		return false, causeOf(ctx, s.endReason(err))
	}
	m, err := stream.Recv()
	switch {
	case err != nil:
		return false, causeOf(ctx, err)
	case m.GetGoodbye() != nil:
		no := refusalOf(m.GetGoodbye())
		_, end := stream.Recv() // tells the same, and by a code
		no.nameTaken = status.Code(end) == codes.AlreadyExists
		return false, no
	case m.GetWelcome() == nil:
		return false, errors.New("the relay's first message is no welcome")
	}
	if _, err := wire.Agree(m.GetWelcome().GetVersion()); err != nil {
		return false, err
	}
	if err := c.checkNotOlder(m.GetWelcome().GetAt()); err != nil {
		return false, err
	}
	if !welcome.Stop() {
		return false, context.Cause(ctx)
	}
	c.log.Info("attached to a relay", "relay", relay, "name", m.GetWelcome().GetRelay(), "version", m.GetWelcome().GetProgram())
	c.attached(relay)
	c.metrics.streams.Inc()
	run := func(fn func() error) {
		g.Go(func() error {
			err := fn()
			end(err) // which ends the stream, and so what waits for it
			return err
		})
	}
	run(s.receive)
	run(s.send)
	run(s.watchRelay)
	return true, causeOf(ctx, g.Wait())
}

// heldMost bounds what a host says of its share, in bytes: one that has so many objects
// has all of them sent.
const heldMost = wire.MaxMessage / 2

// held is what the host has of its share, nil if it has none, or cannot say. No stream
// is there that could change it.
func (c *Client) held() *wire.Held {
	c.mu.Lock()
	to, is := c.to.(share.Holder)
	c.mu.Unlock()
	var held *wire.Held
	if is {
		to.Holds(func(s *span.Share) { held = wire.HeldOf(s) })
	}
	if proto.Size(held) > heldMost {
		return nil
	}
	return held
}

// begin makes a session the one that there is, and returns what it begins with. What
// changes from here on is told behind that.
func (c *Client) begin(s *session) *wire.Hello {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = s
	s.status = statusOf(c.status)
	h := &wire.Hello{
		Version: wire.Version, Program: c.cfg.Version, Host: c.cfg.Host, Instance: c.status.Instance, Machine: c.status.Machine, Level: wire.Level,
		Has: c.has, Started: c.status.Started.UnixNano(), Clock: time.Now().UnixNano(), Plugs: &wire.Plugs{Number: c.plugs, Full: true},
	}
	for _, p := range c.plugged {
		h.Plugs.Plugged = append(h.Plugs.Plugged, p)
	}
	return h
}

func (c *Client) end(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now == s {
		c.now = nil
		c.wake()
	}
}

// endReason is the reason of a stream's end, where sending has only found that it ended.
func (s *session) endReason(err error) error {
	if _, end := s.stream.Recv(); end != nil {
		return end
	}
	return err
}

// checkNotOlder refuses a state of the policy that is older than what the host has of the same
// store.
func (c *Client) checkNotOlder(at *wire.Point) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if has := c.has; has.GetEpoch() != "" && has.GetEpoch() == at.GetEpoch() && at.GetRevision() < has.GetRevision() {
		return &refusal{retryable: true, reason: fmt.Sprintf("it is at revision %d of the policy, and the host at %d", at.GetRevision(), has.GetRevision())}
	}
	return nil
}
