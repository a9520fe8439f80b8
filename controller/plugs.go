package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/ovsdb"
)

// setupTimeout bounds one attempt to set the bridge up, which waits for
// ovs-vswitchd.
const setupTimeout = 10 * time.Second

// plugs is the bridge as the local database has it.
type plugs struct {
	wake func()

	mu    sync.Mutex
	db    *ovsdb.Client
	state ovsdb.BridgeState
	ready bool  // the bridge was set up and seen
	err   error // why not
}

// run sets the bridge up, then follows it.
func (p *plugs) run(ctx context.Context, cfg Config, log *slog.Logger) error {
	for {
		err := p.setUp(ctx, cfg)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		log.Warn("bridge is not set up; trying again", "bridge", cfg.Bridge, "error", err)
		p.set(func() { p.err = err })
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
	}
	return ovsdb.WatchBridge(ctx, cfg.OVSDB, cfg.Bridge, func(s ovsdb.BridgeState) {
		p.set(func() {
			p.state, p.ready, p.err = s, s.Exists, nil
			switch {
			case s.Stale != "":
				p.err = errors.New(s.Stale)
				p.ready = p.state.Exists
			case !s.Exists:
				p.err = fmt.Errorf("there is no bridge %s", cfg.Bridge)
			}
		})
	})
}

// setUp makes the bridge what the pipeline needs before any traffic: closed
// when nobody is in charge, with named tables and address prefixes tracked.
func (p *plugs) setUp(ctx context.Context, cfg Config) error {
	ctx, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	p.mu.Lock()
	db := p.db
	p.mu.Unlock()
	if db == nil {
		var err error
		if db, err = ovsdb.Dial(ctx, cfg.OVSDB); err != nil {
			return err
		}
		p.set(func() { p.db = db })
	}
	err := db.EnsureBridge(ctx, ovsdb.BridgeConfig{
		Name: cfg.Bridge, DatapathType: cfg.Datapath, FailMode: "secure", Protocols: []string{"OpenFlow15"},
	})
	if err != nil {
		return err
	}
	tables := map[uint8]ovsdb.FlowTable{}
	for number, name := range ofrules.TableNames() {
		tables[number] = ovsdb.FlowTable{Name: name, Prefixes: prefixFields(number)}
	}
	return db.SetFlowTables(ctx, cfg.Bridge, tables)
}

func (p *plugs) set(fn func()) {
	p.mu.Lock()
	fn()
	p.mu.Unlock()
	p.wake()
}

// get returns the bridge, or why there is none to work on.
func (p *plugs) get() (ovsdb.BridgeState, *ovsdb.Client, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state, p.db, p.ready, p.err
}
