package upstream

import (
	"maps"
	"slices"

	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/span"
	"github.com/ringfence/ringfence/store"
)

// unreadable are the objects of the share that this program cannot read, by their names.
type unreadable map[string]string

// after takes a delta, and what of it cannot be read, and returns all that cannot be,
// sorted.
func (f unreadable) after(d span.Delta, unread []wire.Fault) (all []store.Unreadable) {
	if d.Full {
		clear(f)
	}
	if len(f) > 0 {
		f.replaced(d)
	}
	for _, one := range unread {
		f[one.Object] = one.Reason
	}
	for _, object := range slices.Sorted(maps.Keys(f)) {
		all = append(all, store.Unreadable{Key: object, Reason: f[object]})
	}
	return all
}

// replaced forgets what a delta brings anew.
func (f unreadable) replaced(d span.Delta) {
	for id := range d.NICs {
		delete(f, wire.NICObject(id))
	}
	for id := range d.Networks {
		delete(f, wire.NetworkObject(id))
	}
	for ref := range d.Groups {
		delete(f, wire.GroupObject(ref))
	}
	for l, change := range d.Members {
		if change.Reset {
			delete(f, wire.MembersObject(l.Group))
		}
	}
	if d.Baseline != nil {
		delete(f, wire.BaselineObject)
	}
}
