package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
)

// FlowWatch records every change to the flows of a bridge, whoever makes it,
// as ovs-ofctl(8) monitor prints it:
//
//	event=ADDED table=0 cookie=0x0 priority=1,actions=drop
type FlowWatch struct {
	cancel context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	events []string
}

// WatchFlows starts recording. Events that were before it are not seen; all
// that come after its return are.
func (h *Host) WatchFlows(ctx context.Context) (*FlowWatch, error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := exec.CommandContext(ctx, "ovs-ofctl", "--protocols=OpenFlow10", "monitor", Bridge, "watch:")
	cmd.Env = h.Env()
	out, in, err := os.Pipe()
	if err != nil {
		cancel()
		return nil, err
	}
	defer in.Close()
	cmd.Stdout, cmd.Stderr = in, in // what is there goes to one, what changes to the other
	w := &FlowWatch{cancel: cancel, done: make(chan struct{})}
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
		return nil, fmt.Errorf("host %s: ovs-ofctl monitor has ended", h.name)
	}
}

// read splits the output into events. The first message lists the flows that
// exist: those are no changes.
func (w *FlowWatch) read(lines *bufio.Scanner, initial chan<- struct{}) {
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
			w.events = append(w.events, line)
			w.mu.Unlock()
		}
	}
}

// Events are the changes seen so far.
func (w *FlowWatch) Events() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

// Close ends the recording.
func (w *FlowWatch) Close() {
	w.cancel()
	<-w.done
}
