package plan

import (
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// AddGroupNetwork lets a group act in a network. A group that acted in every
// network acts in this one alone from now on.
func AddGroupNetwork(s *secgroup.Snapshot, req *Request, ref secgroup.GroupRef, network string) (Result, error) {
	d := begin(s, req)
	g := s.Group(ref)
	if g == nil || s.Network(network) == nil {
		return Result{}, ErrNotFound
	}
	if err := d.req.Condition.check(tagOf(g)); err != nil {
		return Result{}, err
	}
	added := !slices.Contains(g.Networks, network)
	networks := append(slices.Clone(g.Networks), network)
	slices.Sort(networks)
	d.replaceGroup(g, d.withScope(g, slices.Compact(networks)))
	return d.finish(g.Key(), added)
}

// RemoveGroupNetwork takes a network out of a group's scope. A group whose
// last network goes acts nowhere; it does not act everywhere again by itself.
func RemoveGroupNetwork(s *secgroup.Snapshot, req *Request, ref secgroup.GroupRef, network string) (Result, error) {
	d := begin(s, req)
	g := s.Group(ref)
	if g == nil {
		return Result{}, ErrNotFound
	}
	i := slices.Index(g.Networks, network)
	if i < 0 && s.Network(network) == nil {
		return Result{}, ErrNotFound
	}
	if err := d.req.Condition.check(tagOf(g)); err != nil {
		return Result{}, err
	}
	d.static.AddGroup(ref)
	if i >= 0 {
		d.put(d.withScope(g, slices.Delete(slices.Clone(g.Networks), i, i+1)))
	}
	return d.finish(g.Key(), false)
}

func (d *draft) withScope(g *secgroup.Group, networks []string) *secgroup.Group {
	changed := *g
	changed.NetworkScope, changed.Networks = secgroup.ScopeListed, networks
	changed.UpdatedAt, changed.Revision = d.req.Now, 0
	return &changed
}
