package upstream

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/ringfence/ringfence/controller/internal/pause"
)

// watchRelay looks now and then whether the relay still answers. If it is late, and
// another one answers before it does, the host goes there: a relay that hangs holds
// changes up, and its connection tells nothing of that for long.
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

// pingRelay asks the relay for a sign of life, until it is told to forget it: a question
// about no connection is answered at once.
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

// otherRelay looks for another relay that answers, "" if there is none.
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
