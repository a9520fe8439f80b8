package revoke

import (
	"iter"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/secgroup"
)

// reached yields the zones, of a host whose NICs are those given, in which a
// connection can be among the lost ones; both is whether some may be there that
// their NICs answer for at both ends. A loss of NICs alone is as much work as it
// names NICs.
func reached(l *impact.Loss, s *secgroup.Snapshot, nics NICs, both bool) iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		switch {
		case l.Empty():
		case l.All || len(l.Groups)+len(l.Named) > 0 || both && len(l.Ends) > 0:
			for zone, id := range nics.All() {
				if l.Reaches(s, id, both) && !yield(zone) {
					return
				}
			}
		default:
			for id := range l.NICs {
				if zone := nics.Zone(id); zone != 0 && !yield(zone) {
					return
				}
			}
		}
	}
}
