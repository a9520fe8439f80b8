// Package matrix asks every party of a lab every service of every other, all
// at once, and compares what passes with what is expected to.
package matrix

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ringfence/ringfence/internal/traffic"
)

// Outcome is what became of one question.
type Outcome string

// The outcomes.
const (
	Yes    Outcome = "yes"     // answered, at the first packet
	No     Outcome = "no"      // did not arrive
	OneWay Outcome = "one-way" // arrived, but no answer came back
	Lossy  Outcome = "lossy"   // answered, but a packet was lost before
)

// Cell is one question and its outcome.
type Cell struct {
	From, To *Party
	Service  traffic.Service
	Want     Outcome
	Got      Outcome
	Took     time.Duration
	asked    time.Time
}

// How long to wait for what is expected to pass, and at least for what is
// not. The latter grows with what the former needed, so that a slow machine
// does not hide a leak.
const (
	patience = 15 * time.Second
	silence  = 250 * time.Millisecond
	again    = 100 * time.Millisecond
)

// Grid says what to ask.
type Grid struct {
	Parties  []*Party
	Services []traffic.Service
	Want     Want
	// Pair tells who asks whom; nil: everyone asks everyone else. Protocols
	// without ports need it: a packet the other way looks like an answer.
	Pair func(from, to *Party) bool
}

// Ask asks all questions at once. What is expected to pass is sent once: it
// must pass now. What is not expected to is tried again and again.
func Ask(ctx context.Context, g Grid) (*Table, error) {
	if err := g.Want.unknown(g.Parties, g.Services); err != nil {
		return nil, err
	}
	for _, p := range g.Parties {
		if err := p.Server.Offer(g.Services...); err != nil {
			return nil, err
		}
	}
	table := newTable(g)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	start := time.Now()
	var passing, silent sync.WaitGroup
	errs := make([]error, len(table.Cells))
	untilSilent, hush := context.WithCancel(ctx)
	defer hush()
	for i := range table.Cells {
		c := &table.Cells[i]
		if c.Want == Yes {
			passing.Go(func() { errs[i] = c.ask(ctx, start, 0) })
		} else {
			silent.Go(func() { errs[i] = c.ask(untilSilent, start, again) })
		}
	}
	passing.Wait()
	select {
	case <-time.After(max(silence, 3*time.Since(start))):
	case <-ctx.Done():
	}
	hush()
	silent.Wait()
	return table, errors.Join(errs...)
}

func (c *Cell) ask(ctx context.Context, start time.Time, again time.Duration) error {
	c.asked = start
	src, dst := c.From.Node.Address(c.Service.Family), c.To.Node.Address(c.Service.Family)
	answer, err := traffic.Ask(ctx, traffic.Question{
		Service: c.Service, From: c.From.Node.NS, Src: src, Dst: dst, Again: again,
	})
	c.Took = answer.Took
	switch {
	case err != nil:
		return err
	case answer.OK && answer.Resent > 0 && c.staysLost(ctx, start):
		c.Got = Lossy
	case answer.OK:
		c.Got = Yes
	case len(c.To.Capture.Find(start, func(p *traffic.Packet) bool {
		return !p.Out && p.Src == src && p.Dst == dst && p.Is(c.Service)
	})) > 0:
		c.Got = OneWay
	default:
		c.Got = No
	}
	return nil
}

// staysLost tells whether a segment that opened the connection does not arrive,
// either. On a busy machine one is sent again that was only slow, and is recorded
// later than the answer is read.
func (c *Cell) staysLost(ctx context.Context, start time.Time) bool {
	for end := time.Now().Add(max(silence, 3*time.Since(start))); c.lost(start); {
		select {
		case <-time.After(silence / 10):
		case <-ctx.Done():
			return true
		}
		if time.Now().After(end) {
			return true
		}
	}
	return false
}

// lost tells whether a segment that opened the connection has not arrived yet.
func (c *Cell) lost(start time.Time) bool {
	opening := func(p *traffic.Packet) bool { return p.TCP.Flags == "S" && p.DstPort == c.Service.Port }
	sent := c.From.Capture.Find(start, func(p *traffic.Packet) bool {
		return p.Out && opening(p) && p.Dst == c.To.Node.Address(c.Service.Family)
	})
	got := c.To.Capture.Find(start, func(p *traffic.Packet) bool {
		return !p.Out && opening(p) && p.Src == c.From.Node.Address(c.Service.Family)
	})
	return len(got) < len(sent)
}

// Trail lists what passed between the two machines since the question was
// asked, and how they looked for each other, as seen at either.
func (c *Cell) Trail() string {
	a, b := c.From.Node.Address(c.Service.Family), c.To.Node.Address(c.Service.Family)
	var text strings.Builder
	for _, p := range []*Party{c.From, c.To} {
		for _, q := range p.Capture.Find(c.asked, func(q *traffic.Packet) bool {
			between := q.Src == a && q.Dst == b || q.Src == b && q.Dst == a
			return between && (q.Proto == c.Service.Proto) || q.Seeks(a) || q.Seeks(b)
		}) {
			fmt.Fprintf(&text, "  at %s after %s: %s\n", p.Name(), q.At.Sub(c.asked).Round(time.Millisecond), q.String())
		}
	}
	return text.String()
}
