package ovsdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// monitor keeps a replica up to date over one session.
type monitor struct {
	session *session
	changed chan struct{} // holds an element when the replica changed

	mu      sync.Mutex
	replica *replica // nil until the server answered
}

// noTransaction asks monitor_cond_since for everything. A standalone
// ovsdb-server remembers no transactions, so there is nothing else to ask for.
const noTransaction = "00000000-0000-0000-0000-000000000000"

// startMonitor connects and returns when the first snapshot is there.
func startMonitor(ctx context.Context, addr string, probe time.Duration, want map[string][]wanted) (*monitor, error) {
	m := &monitor{changed: make(chan struct{}, 1)}
	s, err := dial(ctx, addr, probe, m.notify)
	if err != nil {
		return nil, err
	}
	m.session = s
	if err := m.begin(ctx, want); err != nil {
		s.close(err)
		return nil, err
	}
	return m, nil
}

func (m *monitor) begin(ctx context.Context, want map[string][]wanted) error {
	schema, err := getSchema(ctx, m.session)
	if err != nil {
		return err
	}
	r, err := newReplica(schema, want)
	if err != nil {
		return err
	}
	// The answer is taken where messages are read, so that it is in place
	// before the first update comes.
	begun := make(chan error, 1)
	_, err = m.session.send("monitor_cond_since", []any{database, "ringfence", r.requests(), noTransaction}, func(answer reply) {
		begun <- m.snapshot(r, answer)
	})
	if err != nil {
		return err
	}
	select {
	case err := <-begun:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// snapshot reads [found, last transaction id, <table-updates2>].
func (m *monitor) snapshot(r *replica, answer reply) error {
	if answer.err != nil {
		return answer.err
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(answer.result, &parts); err != nil || len(parts) != 3 {
		return fmt.Errorf("monitor_cond_since: the answer is not [found, id, updates]")
	}
	var found bool
	if err := json.Unmarshal(parts[0], &found); err != nil || found {
		return fmt.Errorf("monitor_cond_since: found is %s for a transaction that never was", parts[0])
	}
	if err := r.apply(parts[2]); err != nil {
		return err
	}
	m.mu.Lock()
	m.replica = r
	m.mu.Unlock()
	m.signal()
	return nil
}

// notify takes ["ringfence", last transaction id, <table-updates2>]. After
// anything else than an update (monitor_canceled, when the database is
// replaced) a new session has to begin from a snapshot.
func (m *monitor) notify(method string, params json.RawMessage) error {
	if method != "update3" {
		return fmt.Errorf("notification %q", method)
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(params, &parts); err != nil || len(parts) != 3 {
		return errors.New("update3: not [monitor, id, updates]")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.replica == nil {
		return errors.New("update3 before the snapshot")
	}
	if err := m.replica.apply(parts[2]); err != nil {
		return err
	}
	m.signal()
	return nil
}

func (m *monitor) signal() {
	select {
	case m.changed <- struct{}{}:
	default:
	}
}
