package controller

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/ringfence/ringfence/controller/desk"
	"github.com/ringfence/ringfence/controller/internal/pause"
	"github.com/ringfence/ringfence/openflow/ofconn"
)

// redial is how long to wait between attempts to reach the switch: while it is away
// nothing passes, and an attempt costs next to nothing.
const redial = 20 * time.Millisecond

// link keeps the OpenFlow connection to the bridge.
type link struct {
	path   string // of the bridge's management socket
	log    *slog.Logger
	notify func()
	drift  *drift

	mu      sync.Mutex
	conn    *ofconn.Conn // nil while there is none
	unknown bool         // what the switch holds is unknown
}

// run connects, and again whenever the connection is lost.
func (l *link) run(ctx context.Context) error {
	for {
		err := l.session(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		l.log.Debug("no connection to the switch", "socket", l.path, "error", err)
		if err := pause.For(ctx, redial); err != nil {
			return err
		}
	}
}

// session is one connection from hello to its end.
func (l *link) session(ctx context.Context) error {
	conn, err := ofconn.Dial(ctx, l.path, ofconn.Options{Logger: l.log})
	if err != nil {
		return err
	}
	defer conn.Close()
	reports, err := conn.Monitor(ctx, ofconn.MonitorOptions{})
	if err != nil {
		return err
	}
	if err := conn.Apply(ctx, desk.UnwatchAll(), pickUpNothing()); err != nil {
		return err
	}
	l.drift.drain() // reports of a former connection; the flows are read back anyway
	l.set(conn)
	defer l.set(nil)
	l.log.Info("connected to the switch", "socket", l.path)
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-conn.Done():
			return conn.Err()
		case changes, ok := <-reports:
			if !ok {
				return conn.Err()
			}
			if changes.Resync {
				l.forgetFlows()
			}
			if l.drift.note(changes.Updates) {
				l.notify()
			}
		}
	}
}

func (l *link) set(conn *ofconn.Conn) {
	l.mu.Lock()
	l.conn, l.unknown = conn, conn != nil
	l.mu.Unlock()
	l.notify()
}

// forgetFlows has the flows read back: others may have changed some without a report
// of the flow monitor.
func (l *link) forgetFlows() {
	l.mu.Lock()
	l.unknown = l.conn != nil
	l.mu.Unlock()
	l.notify()
}

// takeState returns the connection, or nil, and whether its flows have to be read back.
// The caller takes that on: the next call returns false.
func (l *link) takeState() (conn *ofconn.Conn, fresh bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh, l.unknown = l.unknown, false
	return l.conn, fresh
}

// peek returns the connection, or nil.
func (l *link) peek() *ofconn.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn
}
