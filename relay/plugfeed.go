package relay

import (
	"github.com/ringfence/ringfence/store"
)

// plugFeed is a Relay in its role as a store.PlugHandler.
type plugFeed Relay

// All takes all plugs that the store has.
func (f *plugFeed) All(all []store.Plug) {
	r := (*Relay)(f)
	r.mu.Lock()
	defer r.mu.Unlock()
	clear(r.plugs.at)
	clear(r.plugs.of)
	for _, p := range all {
		r.plugs.set(p)
	}
	r.plugs.known = true
	for _, s := range r.sessions {
		s.sendAllPlugs()
		s.writeAllPlugs()
	}
}

// Changed takes plugs that the store has, and those that it has no more.
func (f *plugFeed) Changed(set, gone []store.Plug) {
	r := (*Relay)(f)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range set {
		if had, ok := r.plugs.at[p.NIC][p.Host]; !ok || had != p {
			r.plugs.set(p)
			r.replugged(plugID{p.Host, p.NIC})
		}
	}
	for _, p := range gone {
		id := plugID{p.Host, p.NIC}
		r.plugs.drop(id)
		r.replugged(id)
	}
}

// replugged has a plug that changed sent to the hosts that have the NIC, and compared with
// what its own host says. The caller holds mu.
func (r *Relay) replugged(id plugID) {
	for s := range r.plugs.holders[id.nic] {
		s.sendPlug(id)
	}
	if s := r.sessions[id.host]; s != nil {
		s.sendPlug(id)
		s.writePlug(id.nic, false)
	}
}

// mayBeElsewhere has the plugs of a NIC sent again after the policy has changed where the
// NIC may be.
func (r *Relay) mayBeElsewhere(nic string) {
	for host := range r.plugs.at[nic] {
		for s := range r.plugs.holders[nic] {
			s.sendPlug(plugID{host, nic})
		}
	}
}
