package revoke

import (
	"iter"

	"github.com/ringfence/ringfence/impact"
)

// reached yields the zones, of a host whose NICs are those given, in which a
// connection can be among the lost ones. A loss of NICs alone is as much work as it
// names NICs.
func reached(l *impact.Loss, s impact.Host, nics NICs) iter.Seq[uint16] {
	return func(yield func(uint16) bool) {
		switch {
		case l.Empty():
		case l.All || len(l.Groups)+len(l.Named) > 0:
			for zone, id := range nics.All() {
				if l.Reaches(s, id, false) && !yield(zone) {
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
