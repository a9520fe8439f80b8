// Package flowwatch sees every change to the flows of a bridge, whoever makes
// it, by a flow monitor of its own: a judge that asks nobody else.
package flowwatch

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ringfence/ringfence/internal/ovsproc"
)

// Event is one change, as ovs-ofctl(8) monitor prints it:
//
//	event=ADDED table=0 cookie=0x17
type Event struct {
	At   time.Time // when it was read
	Text string
}

// Watch is a running recording.
type Watch struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	events []Event
}

// Start starts recording. Changes before it are not seen; all that come after
// its return are.
func Start(ctx context.Context, ovs *ovsproc.Proc, bridge string) (*Watch, error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, "ovs-ofctl", "--protocols=OpenFlow10", "monitor", bridge, "watch:!actions")
	cmd.Env = ovs.Env()
	out, in, err := os.Pipe()
	if err != nil {
		cancel()
		return nil, err
	}
	defer in.Close()
	cmd.Stdout, cmd.Stderr = in, in // what is there goes to one, what changes to the other
	w := &Watch{cancel: cancel, done: make(chan struct{})}
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, errors.Join(err, out.Close())
	}
	initial := make(chan struct{})
	go func() {
		defer close(w.done)
		w.read(bufio.NewScanner(out), initial)
		_ = cmd.Wait() // it is killed
		_ = out.Close()
	}()
	select {
	case <-initial:
		return w, nil
	case <-w.done:
		cancel()
		return nil, errors.New("flowwatch: ovs-ofctl monitor has ended")
	}
}

// read splits the output into events. The first message lists the flows that
// exist: those are no changes.
func (w *Watch) read(lines *bufio.Scanner, initial chan<- struct{}) {
	lines.Buffer(nil, 1<<20)
	messages := 0
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		switch {
		case strings.Contains(line, "FLOW_MONITOR"):
			messages++
			if messages == 1 {
				close(initial)
			}
		case messages > 1 && strings.HasPrefix(line, "event="):
			w.mu.Lock()
			w.events = append(w.events, Event{time.Now(), line})
			w.mu.Unlock()
		}
	}
}

// Events are the changes seen so far.
func (w *Watch) Events() []Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

// Forget drops the events seen so far.
func (w *Watch) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = nil
}

// AwaitQuiet waits until there are at least n events and none for a while, or
// until ctx ends, and returns them.
func (w *Watch) AwaitQuiet(ctx context.Context, n int, quiet time.Duration) []Event {
	tick := time.NewTicker(quiet / 10)
	defer tick.Stop()
	for {
		events := w.Events()
		if len(events) >= n && (len(events) == 0 || time.Since(events[len(events)-1].At) > quiet) {
			return events
		}
		select {
		case <-ctx.Done():
			return events
		case <-tick.C:
		}
	}
}

// Close ends the recording.
func (w *Watch) Close() {
	w.cancel()
	<-w.done
}
