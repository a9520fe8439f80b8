package upstream

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/ringfence/ringfence/controller/internal/pause"
)

// attend looks now and then whether the relay still answers. If it does not, and
// another one does, the host goes there: a relay that hangs holds changes up, and its
// connection tells nothing of that for long.
func (s *session) attend() error {
	for {
		t := s.client.cfg.timing
		if err := pause.For(s.ctx, t.alive/2+rand.N(t.alive/2)); err != nil {
			return err
		}
		if s.alive() {
			continue
		}
		other := s.client.answering(s.ctx, s.relay)
		if other == "" || s.alive() {
			continue
		}
		s.client.mu.Lock()
		s.client.next = other
		s.client.mu.Unlock()
		return errors.New("it does not answer, and another relay does")
	}
}

// alive tells whether the relay answers: a question about no connection is answered at
// once.
func (s *session) alive() bool {
	ctx, cancel := context.WithTimeout(s.ctx, s.client.cfg.timing.answer)
	defer cancel()
	_, err := s.judge(ctx, nil)
	return err == nil
}

// answering looks for another relay that answers, "" if there is none.
func (c *Client) answering(ctx context.Context, but string) string {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.timing.connect)
	defer cancel()
	found := make(chan string, len(c.cfg.Relays))
	for _, relay := range c.cfg.Relays {
		go func() {
			if relay == but || !c.connects(ctx, relay) {
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

// connects tells whether a relay takes a connection, and answers there.
func (c *Client) connects(ctx context.Context, relay string) bool {
	conn, err := c.dial(relay)
	if err != nil {
		return false
	}
	defer conn.Close()
	return connected(ctx, conn)
}
