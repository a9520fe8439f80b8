package upstream

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/ringfence/ringfence/controller/internal/pause"
)

// watchRelay runs beside the stream and pings the relay every half second or so. If the
// relay is late, and another one answers before it does, it ends the stream, and the host
// goes to the other one: a relay that hangs holds changes up, and TCP does not tell for long.
func (s *session) watchRelay() error {
	for {
		t := s.client.cfg.timing
		if err := pause.For(s.ctx, t.alive/2+rand.N(t.alive/2)); err != nil {
			return err
		}
		answered, forget := s.pingRelay()
		other := ""
		if !within(answered, t.answer) {
			other = s.client.otherRelay(s.ctx, s.relay)
		}
		late := !within(answered, 0)
		forget()
		if other == "" || !late {
			continue
		}
		s.client.mu.Lock()
		s.client.next = other
		s.client.mu.Unlock()
		return errors.New("it does not answer, and another relay does")
	}
}

// pingRelay asks the relay to judge no connections at all, which it answers at once. answered
// is closed then. forget gives up, and must be called.
func (s *session) pingRelay() (answered <-chan struct{}, forget func()) {
	ctx, cancel := context.WithCancel(s.ctx)
	done, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		if _, err := s.judge(ctx, nil); err == nil {
			close(done)
		}
	}()
	return done, func() { cancel(); <-over }
}

// within tells whether something is done within a time.
func within(done <-chan struct{}, d time.Duration) bool {
	select {
	case <-done:
		return true
	case <-time.After(d):
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
}

// otherRelay is the first of the other relays to answer, "" if none does in time.
func (c *Client) otherRelay(ctx context.Context, but string) string {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.timing.connect)
	defer cancel()
	found := make(chan string, len(c.cfg.Relays))
	for _, relay := range c.cfg.Relays {
		go func() {
			if relay == but || !c.answers(ctx, relay) {
				relay = ""
			}
			found <- relay
		}()
	}
	for range c.cfg.Relays {
		if relay := <-found; relay != "" {
			return relay
		}
	}
	return ""
}

// answers tells whether a relay takes a connection, and answers there.
func (c *Client) answers(ctx context.Context, relay string) bool {
	conn, err := c.dial(relay)
	if err != nil {
		return false
	}
	defer conn.Close()
	return connected(ctx, conn)
}
