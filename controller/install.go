package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
)

// bundleMax is how many changes go into one atomic bundle. A whole host fits; a
// larger one is put in from the leaf of the pipeline to its entry, so that
// nothing passes on half of it. Larger bundles would hold ovs-vswitchd up.
const bundleMax = 20000

// bundleTimeout bounds one bundle.
const bundleTimeout = 30 * time.Second

// installer puts deltas into the switch. A flow that the switch refuses takes
// its bundle with it; the rest is sent again without it, so that one bad flow
// does not hold up the others.
type installer struct {
	refused map[openflow.FlowKey]string // and why
}

// apply installs a delta.
func (i *installer) apply(ctx context.Context, conn *ofconn.Conn, d ofrules.Delta) error {
	mods := make([]openflow.FlowMod, 0, len(d.Put)+len(d.Delete))
	for _, f := range d.Put {
		delete(i.refused, f.Key())
		mods = append(mods, openflow.AddFlow(f))
	}
	for _, f := range d.Delete {
		if _, never := i.refused[f.Key()]; never {
			delete(i.refused, f.Key())
			continue
		}
		mods = append(mods, openflow.DeleteFlow(f.Key()))
	}
	for bundle := range slices.Chunk(mods, bundleMax) {
		if err := i.bundle(ctx, conn, bundle); err != nil {
			return err
		}
	}
	return nil
}

func (i *installer) bundle(ctx context.Context, conn *ofconn.Conn, mods []openflow.FlowMod) error {
	ctx, cancel := context.WithTimeout(ctx, bundleTimeout)
	defer cancel()
	for len(mods) > 0 {
		err := conn.Bundle(ctx, mods)
		var refused *ofconn.BundleError
		if !errors.As(err, &refused) || len(refused.Refused) == 0 {
			return err
		}
		if i.refused == nil {
			i.refused = map[openflow.FlowKey]string{}
		}
		bad := map[openflow.FlowKey]bool{}
		for _, r := range refused.Refused {
			bad[r.Mod.Flow.Key()] = true
			i.refused[r.Mod.Flow.Key()] = fmt.Sprintf("the switch refuses %v: %v", r.Mod.Flow, r.Err)
		}
		rest := slices.DeleteFunc(slices.Clone(mods), func(m openflow.FlowMod) bool { return bad[m.Flow.Key()] })
		if len(rest) == len(mods) {
			return err // blamed on none of ours: nothing to leave out
		}
		mods = rest
	}
	return nil
}

// refusals says what the switch does not take, sorted.
func (i *installer) refusals() []string { return slices.Sorted(maps.Values(i.refused)) }

// forget has refused flows tried again.
func (i *installer) forget() { clear(i.refused) }
