package controller

import (
	"iter"

	"github.com/tidwall/btree"
)

// zoneMap maps NICs to their conntrack zones, both ways. A nil *zoneMap is empty.
type zoneMap struct {
	byZone btree.Map[uint16, string]
	byNIC  btree.Map[string, uint16]
}

// copy returns a copy, which shares its nodes with the original until either changes: it
// costs the same however many NICs there are.
func (z *zoneMap) copy() *zoneMap { return &zoneMap{*z.byZone.Copy(), *z.byNIC.Copy()} }

// set puts a NIC into a zone, out of the one that it was in.
func (z *zoneMap) set(zone uint16, nic string) {
	z.drop(nic)
	z.byZone.Set(zone, nic)
	z.byNIC.Set(nic, zone)
}

// drop takes a NIC out of its zone, if it is in one.
func (z *zoneMap) drop(nic string) {
	zone, ok := z.byNIC.Delete(nic)
	if ok && z.NIC(zone) == nic {
		z.byZone.Delete(zone)
	}
}

// NIC is the NIC in a zone, "" for none.
func (z *zoneMap) NIC(zone uint16) string {
	if z == nil {
		return ""
	}
	nic, _ := z.byZone.Get(zone)
	return nic
}

// Zone is the one that a NIC is in, 0 for none.
func (z *zoneMap) Zone(nic string) uint16 {
	if z == nil {
		return 0
	}
	zone, _ := z.byNIC.Get(nic)
	return zone
}

// All yields the zones in order, with their NICs.
func (z *zoneMap) All() iter.Seq2[uint16, string] {
	return func(yield func(uint16, string) bool) {
		if z != nil {
			z.byZone.Scan(yield)
		}
	}
}
