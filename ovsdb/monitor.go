package ovsdb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/rpc2"
	"github.com/ovn-kubernetes/libovsdb/cache"
	"github.com/ovn-kubernetes/libovsdb/model"
	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

// noTransaction asks monitor_cond_since for everything. A standalone
// ovsdb-server remembers no transactions, so there is nothing else to ask for.
const noTransaction = "00000000-0000-0000-0000-000000000000"

// snapshotTimeout limits the first snapshot: that of 10,000 interfaces takes a
// second of CPU, of which a busy host may have little to give.
const snapshotTimeout = time.Minute

// monitor keeps a mirror up to date over one session.
type monitor struct {
	session *session
	changed chan struct{} // holds an element when the mirror changed

	mu     sync.Mutex
	cache  *cache.TableCache
	early  []ovsdb.TableUpdates2 // came before the snapshot was taken
	begun  bool                  // the snapshot was taken
	mirror *mirror
}

// startMonitor connects and returns when the first snapshot is there.
func startMonitor(ctx context.Context, addr, bridge string, probe time.Duration) (*monitor, error) {
	m := &monitor{mirror: newMirror(bridge), changed: make(chan struct{}, 1)}
	s, err := openSession(ctx, addr, func(s *session) {
		s.rpc.Handle("update3", func(_ *rpc2.Client, params []json.RawMessage, _ *[]any) error {
			err := m.notify(params)
			if err != nil { // nobody else is told
				s.fail(err)
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	m.session = s
	if err := m.begin(ctx); err != nil {
		s.end(err)
		return nil, err
	}
	// From now on, as a large snapshot would not let an answer through.
	go s.probe(probe) //nolint:contextcheck // it has the session's
	return m, nil
}

func (m *monitor) begin(ctx context.Context) (err error) {
	defer caught(&err)
	ctx, cancel := context.WithTimeout(ctx, snapshotTimeout)
	defer cancel()
	rows, err := model.NewClientDBModel(database, followed())
	if err != nil {
		return err
	}
	db, errs := model.NewDatabaseModel(m.session.schema, rows)
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if m.cache, err = cache.NewTableCache(db, nil, nil); err != nil {
		return err
	}
	go m.cache.Run(m.session.ctx.Done()) // throws away the events, which nobody wants
	var first ovsdb.MonitorCondSinceReply
	args := ovsdb.NewMonitorCondSinceArgs(database, "ringfence", requests(), noTransaction)
	if err := m.session.call(ctx, ovsdb.ConditionalMonitorSinceRPC, args, &first); err != nil {
		return err
	}
	if first.Found {
		return errors.New("monitor_cond_since: found a transaction that never was")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, u := range append([]ovsdb.TableUpdates2{first.Updates}, m.early...) {
		if err := m.apply(u); err != nil {
			return err
		}
	}
	m.begun, m.early = true, nil
	m.signal()
	return nil
}

// notify takes ["ringfence", last transaction id, <table-updates2>] of
// ovsdb-server(7) §4.1.14.
func (m *monitor) notify(params []json.RawMessage) (err error) {
	defer caught(&err)
	if len(params) != 3 {
		return errors.New("update3: not [monitor, id, updates]")
	}
	var u ovsdb.TableUpdates2
	if err := json.Unmarshal(params[2], &u); err != nil {
		return fmt.Errorf("update3: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.begun {
		m.early = append(m.early, u)
		return nil
	}
	if err := m.apply(u); err != nil {
		return err
	}
	m.signal()
	return nil
}

// apply takes the changes of one transaction. After an error the mirror is of no
// further use.
func (m *monitor) apply(u ovsdb.TableUpdates2) error {
	for uuid, row := range u["Bridge"] {
		if err := m.mirror.setPorts(uuid, row); err != nil {
			return fmt.Errorf("update: %w", err)
		}
	}
	if err := m.cache.Populate2(u); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	for table, rows := range u {
		for uuid := range rows {
			m.mirror.set(table, uuid, m.cache.Table(table).Row(uuid))
		}
	}
	return m.mirror.check()
}

// caught makes a panic an error: the library panics on a value of no kind that
// there is. It is to be deferred.
func caught(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("update: panic: %v", p)
	}
}

func (m *monitor) signal() {
	select {
	case m.changed <- struct{}{}:
	default:
	}
}

// takeChanged hands out what may differ since it was called last: interfaces by UUID,
// and UUIDs of which the bridge has no interface. The first time that is all
// there are.
func (m *monitor) takeChanged() (Bridge, map[UUID]Interface, []UUID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mirror.takeChanged()
}
