package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
)

// bundleMax is how many changes go into one atomic bundle, as larger ones would hold
// ovs-vswitchd up. The flows of most hosts fit. More are sent in several bundles, the
// leaf of the pipeline first and its entry last, so that nothing passes by half of them.
const bundleMax = 20000

// bundleTimeout bounds one bundle.
const bundleTimeout = 30 * time.Second

// wholeRounds is how often a bundle is sent again without what was refused. The
// switch finds some faults, such as a full table, only one a commit; then the
// bundle is halved until what is refused stands alone.
const wholeRounds = 4

// installer puts deltas into the switch. A flow that the switch refuses takes
// its bundle with it; the rest is sent again without it, so that one bad flow
// does not hold up the others.
type installer struct {
	refused map[openflow.FlowKey]refusal
}

// refusal is a flow that should be in the switch, and why it is not.
type refusal struct {
	cookie uint64
	why    string
}

// bundler is what the installer needs of a connection.
type bundler interface {
	Bundle(ctx context.Context, mods []wire.FlowMod) error
}

// apply sends a delta. Refused flows are noted, and are no error. After an error it is
// unknown which of the changes took effect.
func (i *installer) apply(ctx context.Context, conn bundler, d ofrules.Delta) error {
	put, del := d.Put, d.Delete
	for len(put)+len(del) > 0 {
		adds := put[:min(len(put), bundleMax)]
		dels := del[:min(len(del), bundleMax-len(adds))]
		put, del = put[len(adds):], del[len(dels):]
		mods := make([]wire.FlowMod, 0, len(adds)+len(dels))
		for _, f := range adds {
			delete(i.refused, f.Key())
			mods = append(mods, wire.AddFlow(f))
		}
		for _, f := range dels {
			delete(i.refused, f.Key())
			mods = append(mods, wire.DeleteFlow(f.Key()))
		}
		if err := i.bundle(ctx, conn, mods); err != nil {
			return err
		}
	}
	return nil
}

func (i *installer) bundle(ctx context.Context, conn bundler, mods []wire.FlowMod) error {
	for round := 0; len(mods) > 0; round++ {
		err := send(ctx, conn, mods)
		var refused *ofconn.BundleError
		if err == nil || !errors.As(err, &refused) {
			return err
		}
		if round >= wholeRounds && len(mods) > 1 {
			half := len(mods) / 2
			if err := i.bundle(ctx, conn, mods[:half]); err != nil {
				return err
			}
			return i.bundle(ctx, conn, mods[half:])
		}
		if mods, err = i.without(mods, refused); err != nil {
			return err
		}
	}
	return nil
}

func send(ctx context.Context, conn bundler, mods []wire.FlowMod) error {
	ctx, cancel := context.WithTimeout(ctx, bundleTimeout)
	defer cancel()
	return conn.Bundle(ctx, mods)
}

// without returns what is left of a bundle when refused changes are left out. In
// the place of a refused flow its former value is deleted: what the policy does
// not say any more must not pass.
func (i *installer) without(mods []wire.FlowMod, refused *ofconn.BundleError) ([]wire.FlowMod, error) {
	bad := map[int]error{}
	for _, r := range refused.Refused {
		if r.Index >= 0 && r.Index < len(mods) {
			bad[r.Index] = r.Err
		}
	}
	if len(bad) == 0 {
		return nil, refused // blamed on none of ours: nothing to leave out
	}
	rest := make([]wire.FlowMod, 0, len(mods))
	for n, m := range mods {
		why, isBad := bad[n]
		switch {
		case !isBad:
			rest = append(rest, m)
		case m.Command == wire.FlowAdd:
			i.note(m.Flow, why)
			rest = append(rest, wire.DeleteFlow(m.Flow.Key()))
		}
	}
	return rest, nil
}

func (i *installer) note(f openflow.Flow, why error) {
	if i.refused == nil {
		i.refused = map[openflow.FlowKey]refusal{}
	}
	i.refused[f.Key()] = refusal{f.Cookie, fmt.Sprintf("the switch refuses %v: %v", f, why)}
}

// retryMost is how many refused flows are tried at a time: each one that is
// refused again costs round trips.
const retryMost = 64

// someRefused returns up to retryMost of the refused flows, in random order, so that
// each is tried sooner or later.
func (i *installer) someRefused(desired func(openflow.FlowKey) (openflow.Flow, bool)) ofrules.Delta {
	var again []openflow.Flow
	for k := range i.refused {
		if f, ok := desired(k); ok {
			again = append(again, f)
		}
		if len(again) == retryMost {
			break
		}
	}
	return ofrules.Diff(nil, again)
}

// refusalsShown is how many refused flows a status tells of in full.
const refusalsShown = 10

// refusals says what the switch does not take, sorted.
func (i *installer) refusals() []string {
	all := make([]string, 0, len(i.refused))
	for _, r := range i.refused {
		all = append(all, r.why)
	}
	slices.Sort(all)
	if more := len(all) - refusalsShown; more > 0 {
		all = append(all[:refusalsShown], fmt.Sprintf("the switch refuses %d more flows", more))
	}
	return all
}

// lacking returns the NICs of which a flow of their own is refused, and why.
func (i *installer) lacking(nic func(number uint32) (string, bool)) map[string]string {
	lacking := map[string]string{}
	for _, r := range i.refused {
		c, ok := ofrules.ParseCookie(r.cookie)
		if !ok || c.Kind != ofrules.KindNIC && c.Kind != ofrules.KindUnrestricted {
			continue
		}
		if id, ok := nic(c.ID); ok {
			lacking[id] = r.why
		}
	}
	return lacking
}

// forget has all flows tried again as if none had been refused.
func (i *installer) forget() { clear(i.refused) }
