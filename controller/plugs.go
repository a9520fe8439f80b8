package controller

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/controller/internal/pause"
	"github.com/ringfence/ringfence/controller/policing"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/ovsdb"
)

// setupTimeout bounds one attempt to set the bridge up, which waits for
// ovs-vswitchd.
const setupTimeout = 10 * time.Second

// Waits between attempts to set the bridge up.
const (
	minSetupWait = 50 * time.Millisecond
	maxSetupWait = 2 * time.Second
)

// protocol is the OpenFlow version that the bridge must speak.
const protocol = "OpenFlow15"

// plugs follows the bridge and its interfaces in the local OVSDB, and keeps the bridge
// set up.
type plugs struct {
	cfg   Config
	log   *slog.Logger
	wake  func()
	also  func(ovsdb.Change) // is told of all that is different, too
	check chan struct{}      // the bridge may have to be set up

	mu          sync.Mutex
	db          *ovsdb.Client
	bridge      ovsdb.Bridge
	claims      claims
	touched     map[string]struct{} // NICs whose claims may have changed since takeTouched
	setUpUnseen bool                // the bridge was set up, and no update has shown it yet
	setUpBridge ovsdb.UUID          // the bridge that was set up
	err         error               // of the last attempt to set it up
}

func newPlugs(cfg Config, log *slog.Logger, wake func()) *plugs {
	return &plugs{cfg: cfg, log: log, wake: wake, also: func(ovsdb.Change) {}, check: make(chan struct{}, 1), claims: newClaims(), touched: map[string]struct{}{}}
}

// run follows the bridge and sets it up whenever it is not in order.
func (p *plugs) run(ctx context.Context) error {
	defer p.close()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return ovsdb.WatchBridge(ctx, p.cfg.OVSDB, p.cfg.Bridge, p.update) })
	g.Go(func() error { return p.maintain(ctx) })
	return g.Wait()
}

// update applies a change of the bridge, as it is seen by the watch of the OVSDB.
func (p *plugs) update(c ovsdb.Change) {
	p.mu.Lock()
	p.bridge = c.Bridge
	p.claims.change(c, p.touched)
	if p.setUpUnseen && c.Bridge.Exists && c.Bridge.Stale == "" {
		p.setUpUnseen, p.setUpBridge = false, c.Bridge.UUID
	}
	p.mu.Unlock()
	p.also(c)
	select {
	case p.check <- struct{}{}:
	default:
	}
	p.wake()
}

// maintain sets the bridge up, and again whenever somebody has replaced it or changed its
// failure mode, until ctx ends.
func (p *plugs) maintain(ctx context.Context) error {
	wait := minSetupWait
	for {
		if p.inOrder() {
			wait = minSetupWait
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-p.check:
			}
			continue
		}
		err := p.setUp(ctx)
		p.mu.Lock()
		p.err = err
		p.setUpUnseen = err == nil
		if p.setUpUnseen && p.bridge.Exists && p.bridge.Stale == "" {
			p.setUpUnseen, p.setUpBridge = false, p.bridge.UUID
		}
		p.mu.Unlock()
		p.wake()
		if err != nil && ctx.Err() == nil {
			p.log.Warn("bridge is not set up; trying again", "bridge", p.cfg.Bridge, "error", err)
		}
		if err := pause.For(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, maxSetupWait)
	}
}

// inOrder tells whether there is nothing to set up as far as is known.
func (p *plugs) inOrder() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.setUpUnseen || p.bridge.Stale != "" && p.setUpBridge != "" ||
		p.bridge.Exists && p.setUpBridge == p.bridge.UUID && p.bridge.FailMode == failMode &&
			(len(p.bridge.Protocols) == 0 || slices.Contains(p.bridge.Protocols, protocol))
}

// failMode has the bridge drop everything that no flow matches, also without a controller.
const failMode = "secure"

// setUp creates the bridge or changes it to what the pipeline needs: fail_mode=secure, the
// OpenFlow version, named tables, and prefix lookup for their address fields.
func (p *plugs) setUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	db, err := p.database(ctx)
	if err != nil {
		return err
	}
	err = db.EnsureBridge(ctx, ovsdb.BridgeConfig{
		Name: p.cfg.Bridge, DatapathType: p.cfg.Datapath, FailMode: failMode, Protocols: []string{protocol},
	})
	if err != nil {
		return err
	}
	tables := map[uint8]ovsdb.FlowTable{}
	for number, name := range ofrules.TableNames() {
		tables[number] = ovsdb.FlowTable{Name: name, Prefixes: prefixFields(number)}
	}
	return db.SetFlowTables(ctx, p.cfg.Bridge, tables)
}

// database returns the client of the database, connected at least once.
func (p *plugs) database(ctx context.Context) (*ovsdb.Client, error) {
	p.mu.Lock()
	db := p.db
	p.mu.Unlock()
	if db != nil {
		return db, nil
	}
	db, err := ovsdb.Dial(ctx, p.cfg.OVSDB)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.db != nil { // another goroutine was faster
		db.Close()
		return p.db, nil
	}
	p.db = db
	return db, nil
}

func (p *plugs) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.db != nil {
		p.db.Close()
	}
}

// writeZones writes the zones of interfaces.
func (p *plugs) writeZones(ctx context.Context, zones map[string]string) error {
	return p.writeInterfaceIDs(ctx, zoneKey, zones)
}

// writeInterfaceIDs writes a key of the external_ids of interfaces, by interface, in one
// transaction. One that has gone meanwhile is no error.
func (p *plugs) writeInterfaceIDs(ctx context.Context, key string, values map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	db, err := p.database(ctx)
	if err != nil {
		return err
	}
	set := make(map[string]map[string]string, len(values))
	for iface, value := range values {
		set[iface] = map[string]string{key: value}
	}
	return db.SetInterfaceExternalIDs(ctx, set)
}

// police polices interfaces, by their name.
func (p *plugs) police(ctx context.Context, to map[string]ovsdb.Policed) error {
	ctx, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	db, err := p.database(ctx)
	if err != nil {
		return err
	}
	return db.SetInterfacePolicing(ctx, policing.Key, to)
}

// writeBridgeIDs writes keys of the bridge's external_ids.
func (p *plugs) writeBridgeIDs(ctx context.Context, ids map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	db, err := p.database(ctx)
	if err != nil {
		return err
	}
	return db.SetBridgeExternalIDs(ctx, p.cfg.Bridge, ids)
}

// get returns the bridge as it was seen last, and whether it is set up. problem says what
// is wrong with it or with the database; the bridge may be ready all the same.
func (p *plugs) get() (bridge ovsdb.Bridge, ready bool, problem error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ready = p.bridge.Exists && p.setUpBridge == p.bridge.UUID
	switch {
	case p.bridge.Stale != "":
		problem = errors.New(p.bridge.Stale)
	case p.err != nil:
		problem = p.err
	case !p.bridge.Exists:
		problem = fmt.Errorf("there is no bridge %s", p.cfg.Bridge)
	}
	return p.bridge, ready, problem
}

// takeTouched returns the NICs whose claims may have changed since it was called last.
func (p *plugs) takeTouched() map[string]struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	touched := p.touched
	p.touched = map[string]struct{}{}
	return touched
}

// readClaims calls fn with the claims under their lock. fn must not block.
func (p *plugs) readClaims(fn func(*claims)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fn(&p.claims)
}
