package realization

import (
	"unsafe"

	"github.com/ringfence/ringfence/secgroup"
)

// mapEntry is about what an entry of a map takes beside its key, in bytes.
const mapEntry = 16

// weigh estimates what is kept of a batch, in bytes. Names are shared with the
// policy mostly, and small beside what they are in.
func weigh(p *batch) int {
	n := int(unsafe.Sizeof(batch{})) + len(p.changes)*int(unsafe.Sizeof(secgroup.Change{}))
	for _, c := range p.changes {
		n += weighObject(c.Object)
	}
	return n + weighSet(p.impact.NICs) + weighSet(p.impact.Groups) // its loss is not kept
}

// weighSet estimates what a set takes, whose entries are twice their key's size
// with what is empty between them.
func weighSet[K comparable](set map[K]struct{}) int {
	var key K
	return len(set) * (2*int(unsafe.Sizeof(key)) + mapEntry)
}

// weighObject estimates what an object takes.
func weighObject(o secgroup.Object) int {
	switch o := o.(type) {
	case *secgroup.Group:
		n := int(unsafe.Sizeof(*o)) + len(o.Description) + len(o.Rules)*int(unsafe.Sizeof(secgroup.Rule{})) + len(o.Networks)*int(unsafe.Sizeof(""))
		for i := range o.Rules {
			n += len(o.Rules[i].ID) + len(o.Rules[i].Description)
		}
		for k, v := range o.Tags {
			n += mapEntry + 2*int(unsafe.Sizeof("")) + len(k) + len(v)
		}
		return n + len(o.Shares)*int(unsafe.Sizeof(secgroup.Share{}))
	case *secgroup.NIC:
		return int(unsafe.Sizeof(*o)) + len(o.ID) + (len(o.Addresses)+len(o.AllowedAddresses))*32 + len(o.Hosts)*32
	case *secgroup.Network:
		return int(unsafe.Sizeof(*o)) + (len(o.Prefixes)+len(o.Gateways))*32
	case *secgroup.Baseline:
		return int(unsafe.Sizeof(*o)) + len(o.Addresses)*64
	case nil:
		return 0
	}
	return 256 // an account, an instance, an attachment
}
