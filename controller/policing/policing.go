// Package policing keeps a limit of how many packets a second each NIC of the host
// may send. Open vSwitch has the kernel hold devices to it, before their packets
// reach its datapath (ovs-vswitchd.conf.db(5), ingress_policing_kpkts_rate): what a
// VM sends beyond costs others nothing, whatever it is. That is the one limit of
// what goes to the slow path that there is for a port: OpenFlow's meters act behind
// it.
//
// It works with the kernel's datapath. The userspace datapath reads packets of a
// device before the kernel polices them.
package policing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ringfence/ringfence/ovsdb"
)

// Key is the Interface external_ids key of an interface that is policed by us,
// "<rate>/<burst>", so that it is known whose limit it is when there is to be none.
const Key = "ringfence-packets"

const (
	writeAgain = 5 * time.Second // to a row, at the soonest, that somebody else writes, too
	askAgain   = 200 * time.Millisecond
	patience   = 2 * time.Second  // for ovs-vswitchd to have told the kernel
	askRefused = 10 * time.Second // whether the kernel polices a device by now
	namedMost  = 5                // interfaces in a problem
)

// Config is what keeping a limit needs.
type Config struct {
	Limit ovsdb.Policing // zero: none, and one that was kept before is taken away
	// Write polices interfaces, by name, and marks them by Key.
	Write func(context.Context, map[string]ovsdb.Policed) error
	// Polices tells which of some devices, by index, the kernel holds to a limit.
	Polices func(devices []uint32, limit ovsdb.Policing) (map[uint32]bool, error)
	Problem func(error) // is told what is wrong; nil: nothing
}

// Keeper polices the interfaces that claim NICs.
type Keeper struct {
	cfg  Config
	wake chan struct{}

	mu       sync.Mutex
	datapath string // type of the bridge's
	rows     map[ovsdb.UUID]*row
	due      map[ovsdb.UUID]time.Time // when to look at a row; zero: at once
}

// row is an interface that is policed, or is not to be any more.
type row struct {
	iface  ovsdb.Interface
	wrote  time.Time // last
	device uint32    // that the kernel was asked about
	since  time.Time // when that was for the first time
	held   bool      // it polices it
}

// NewKeeper returns one that has seen nothing yet.
func NewKeeper(cfg Config) *Keeper {
	return &Keeper{cfg: cfg, wake: make(chan struct{}, 1), rows: map[ovsdb.UUID]*row{}, due: map[ovsdb.UUID]time.Time{}}
}

// See takes what is different about the bridge. It does not wait.
func (k *Keeper) See(c ovsdb.Change) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if is := c.Bridge.DatapathType; c.Bridge.Exists && k.datapath != is {
		k.datapath = is
		for uuid := range k.rows {
			k.due[uuid] = time.Time{}
		}
	}
	for _, i := range c.Gone {
		delete(k.rows, i.UUID)
		delete(k.due, i.UUID)
	}
	for _, i := range c.Set {
		if _, marked := i.ExternalIDs[Key]; !marked && k.cfg.Limit == (ovsdb.Policing{}) {
			delete(k.rows, i.UUID)
			delete(k.due, i.UUID)
			continue
		}
		r := k.rows[i.UUID]
		if r == nil {
			r = &row{}
			k.rows[i.UUID] = r
		}
		r.iface = i
		k.due[i.UUID] = time.Time{}
	}
	if len(k.due) > 0 || len(c.Gone) > 0 {
		select {
		case k.wake <- struct{}{}:
		default:
		}
	}
}

// Run keeps the limit until ctx ends.
func (k *Keeper) Run(ctx context.Context) error {
	for {
		next, err := k.step(ctx, time.Now())
		if ctx.Err() != nil {
			return ctx.Err()
		}
		k.cfg.Problem(err)
		var later <-chan time.Time
		if !next.IsZero() {
			later = time.After(time.Until(next))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-k.wake:
		case <-later:
		}
	}
}

// step looks at what is due. It returns when something is next, zero for never.
func (k *Keeper) step(ctx context.Context, now time.Time) (next time.Time, err error) {
	writes, ask := k.look(now)
	if len(writes) > 0 {
		err = k.cfg.Write(ctx, writes)
	}
	var held map[uint32]bool
	if len(ask) > 0 {
		var unknown error
		if held, unknown = k.cfg.Polices(ask, k.cfg.Limit); unknown != nil {
			err = errors.Join(err, fmt.Errorf("whether the kernel polices NICs is not known: %w", unknown))
		}
	}
	refused := k.answered(now, held)
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, at := range k.due {
		if at.IsZero() { // seen meanwhile
			at = now
		}
		if next.IsZero() || at.Before(next) {
			next = at
		}
	}
	return next, cmp.Or(err, k.problem(refused))
}

// look says what of that which is due is to be written, and about which devices the
// kernel is to be asked.
func (k *Keeper) look(now time.Time) (writes map[string]ovsdb.Policed, ask []uint32) {
	k.mu.Lock()
	defer k.mu.Unlock()
	writes = map[string]ovsdb.Policed{}
	for uuid, at := range k.due {
		if at.After(now) {
			continue
		}
		delete(k.due, uuid)
		r := k.rows[uuid]
		want := k.want(r.iface)
		switch is := (ovsdb.Policed{Policing: r.iface.Policing, Mark: r.iface.ExternalIDs[Key]}); {
		case want != is && now.Sub(r.wrote) < writeAgain:
			k.due[uuid] = r.wrote.Add(writeAgain)
		case want != is:
			writes[r.iface.Name] = want
			r.wrote, r.device, r.held = now, 0, false
			k.due[uuid] = now.Add(writeAgain) // if it fails, or is undone
		case want.Mark == "":
			delete(k.rows, uuid)
		case r.iface.IfIndex == 0: // no device yet
			r.device, r.held = 0, false
		case r.device != r.iface.IfIndex:
			r.device, r.since, r.held = r.iface.IfIndex, now, false
			fallthrough
		case !r.held:
			ask = append(ask, r.device)
		}
	}
	return writes, ask
}

// want is how an interface is to be.
func (k *Keeper) want(i ovsdb.Interface) ovsdb.Policed {
	switch mark := i.ExternalIDs[Key]; {
	case k.cfg.Limit != (ovsdb.Policing{}) && i.IfaceID != "" && k.inKernel():
		return ovsdb.Policed{Policing: k.cfg.Limit, Mark: markOf(k.cfg.Limit)}
	case mark == markOf(i.Policing): // ours, and not wanted any more
		return ovsdb.Policed{}
	default: // somebody else's
		return ovsdb.Policed{Policing: i.Policing}
	}
}

func markOf(p ovsdb.Policing) string { return fmt.Sprintf("%d/%d", p.Rate, p.Burst) }

// inKernel tells whether the bridge's datapath is the kernel's.
func (k *Keeper) inKernel() bool { return k.datapath == "" || k.datapath == "system" }

// answered takes what the kernel said, and returns the interfaces that it does not
// hold to the limit, sorted.
func (k *Keeper) answered(now time.Time, held map[uint32]bool) (refused []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for uuid, r := range k.rows {
		if r.device == 0 || r.held {
			continue
		}
		if r.held = held[r.device]; r.held {
			continue
		}
		again := askAgain
		if now.Sub(r.since) >= patience {
			refused = append(refused, r.iface.Name)
			again = askRefused
		}
		if _, due := k.due[uuid]; !due {
			k.due[uuid] = now.Add(again)
		}
	}
	slices.Sort(refused)
	return refused
}

// problem says why the limit does not hold.
func (k *Keeper) problem(refused []string) error {
	switch {
	case k.cfg.Limit == (ovsdb.Policing{}):
		return nil
	case !k.inKernel():
		return fmt.Errorf("the %s datapath does not police packets: only the kernel's does", k.datapath)
	case len(refused) == 0:
		return nil
	}
	names := strings.Join(refused[:min(len(refused), namedMost)], ", ")
	if more := len(refused) - namedMost; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Errorf("the kernel does not police %s: it needs act_police with packet rates (Linux 5.13), and cls_basic or cls_matchall; ovs-vswitchd's log says what it refused", names)
}
