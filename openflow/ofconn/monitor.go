package ofconn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/wire"
)

// Changes are changes of the flow table that came in since the last Changes.
type Changes struct {
	// Updates are what changed, in order. Changes made by other connections come
	// in full; those made by this one as openflow.FlowAbbreviated, one for each
	// message or bundle.
	Updates []wire.FlowUpdate
	// Resync means that some changes may be missing, as the switch or the
	// subscriber did not keep up: read the flows back.
	Resync bool
}

// MonitorOptions say what to watch. The zero value watches all changes of all
// tables.
type MonitorOptions struct {
	Initial bool // begin with all flows, as openflow.FlowInitial
	// OneTable limits the monitor to Table.
	OneTable bool
	Table    uint8
	Match    openflow.Match // only flows at least as narrow
}

// ErrMonitored means that the connection has a monitor already: updates do not
// say which monitor they belong to.
var ErrMonitored = errors.New("connection has a flow monitor already")

// monitorLimit is how many updates wait for the subscriber; beyond it they give
// way to Resync.
const monitorLimit = 1 << 18

// Monitor watches the flow table (OpenFlow 1.5 §7.3.5.18) until ctx ends or the
// connection does; then the channel is closed. All that changes after Monitor
// returned is reported. A connection has one monitor at a time.
func (c *Conn) Monitor(ctx context.Context, opts MonitorOptions) (<-chan Changes, error) {
	m := &monitor{wake: make(chan struct{}, 1)}
	c.mu.Lock()
	taken := c.monitor != nil
	if !taken {
		c.monitor = m
	}
	c.mu.Unlock()
	if taken {
		return nil, &OpError{"monitor", ErrMonitored}
	}
	if err := c.startMonitor(ctx, opts); err != nil {
		c.dropMonitor()
		return nil, &OpError{"monitor", err}
	}
	ch := make(chan Changes)
	ok := c.spawn(func() {
		defer close(ch)
		m.pump(ctx, c.done, ch)
		c.stopMonitor()
	})
	if !ok {
		return nil, &OpError{"monitor", c.Err()}
	}
	return ch, nil
}

const monitorID = 1

func (c *Conn) startMonitor(ctx context.Context, opts MonitorOptions) error {
	request := wire.FlowMonitorRequest{
		ID: monitorID, Command: wire.MonitorStart, Table: wire.AllTables, Match: opts.Match,
		Flags: wire.MonitorAdd | wire.MonitorRemoved | wire.MonitorModify | wire.MonitorInstructions,
	}
	if opts.Initial {
		request.Flags |= wire.MonitorInitial
	}
	if opts.OneTable {
		request.Table = opts.Table
	}
	k := c.call(1)
	defer c.hangUp(k)
	b, err := wire.Append(nil, k.first, request)
	if err != nil {
		return err
	}
	if err := c.send(ctx, b); err != nil {
		return err
	}
	for {
		m, err := c.answer(ctx, k)
		if err != nil {
			return err
		}
		reply, ok := m.(wire.FlowMonitorReply)
		if !ok {
			return unexpected(m)
		}
		if !reply.More {
			return nil
		}
	}
}

// stopMonitor ends the monitor in the switch; the next one may then start.
//
//nolint:contextcheck // it is stopped because the context ended
func (c *Conn) stopMonitor() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := c.apply(ctx, wire.FlowMonitorRequest{ID: monitorID, Command: wire.MonitorStop})
	if err != nil && c.Err() == nil {
		c.opts.Logger.Warn("stopping the flow monitor failed", "error", err)
	}
	c.dropMonitor()
}

func (c *Conn) dropMonitor() {
	c.mu.Lock()
	c.monitor = nil
	c.mu.Unlock()
}

// monitor collects updates for its subscriber.
type monitor struct {
	mu      sync.Mutex
	waiting Changes
	wake    chan struct{} // holds a token when waiting is not empty
}

// add keeps updates for the subscriber, as the reader receives them.
func (m *monitor) add(updates []wire.FlowUpdate) {
	m.mu.Lock()
	for _, u := range updates {
		switch u.Event {
		case wire.FlowPaused:
		case wire.FlowResumed:
			m.waiting.Resync = true
		default:
			m.waiting.Updates = append(m.waiting.Updates, u)
		}
	}
	if len(m.waiting.Updates) > monitorLimit {
		m.waiting = Changes{Resync: true}
	}
	m.mu.Unlock()
	m.notify()
}

// noteLoss notes that updates may be missing.
func (m *monitor) noteLoss() {
	m.mu.Lock()
	m.waiting.Resync = true
	m.mu.Unlock()
	m.notify()
}

func (m *monitor) notify() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *monitor) pump(ctx context.Context, done <-chan struct{}, ch chan<- Changes) {
	for {
		select {
		case <-m.wake:
		case <-ctx.Done():
			return
		case <-done:
			return
		}
		m.mu.Lock()
		changes := m.waiting
		m.waiting = Changes{}
		m.mu.Unlock()
		if len(changes.Updates) == 0 && !changes.Resync {
			continue
		}
		select {
		case ch <- changes:
		case <-ctx.Done():
			return
		case <-done:
			return
		}
	}
}

// handleFlowUpdates handles a message of the flow monitor.
func (c *Conn) handleFlowUpdates(b []byte) {
	c.mu.Lock()
	m := c.monitor
	c.mu.Unlock()
	if m == nil {
		return // the last ones of a monitor that was stopped
	}
	_, message, err := wire.Decode(b)
	reply, ok := message.(wire.FlowMonitorReply)
	if err != nil || !ok {
		c.changes.Add(1)
		c.opts.Logger.Warn("flow update is not understood", "error", fmt.Errorf("%T: %w", message, err))
		m.noteLoss()
		return
	}
	if slices.ContainsFunc(reply.Updates, func(u wire.FlowUpdate) bool { return u.Event != wire.FlowAbbreviated }) {
		c.changes.Add(1)
	}
	m.add(reply.Updates)
}
