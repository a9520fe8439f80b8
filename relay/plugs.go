package relay

import (
	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/store"
)

// plugs are where NICs are plugged, as the store has it, and which sessions have to write
// or to send a change of that:
//
//	host ── Plugs ──► session.plugsToWrite ── PutManyPlugs ──► store
//	host ◄── PlugsAt ── session.plugsToSend ◄── FollowPlugs ─────┘
//
// A host is sent its own plugs, and those of its NICs at other hosts where they may be: a
// host that plugs somebody else's NIC takes nothing away from it.
type plugs struct {
	known     bool                             // the store's plugs have been seen
	at        map[string]map[string]store.Plug // by NIC and host
	of        map[string]map[string]struct{}   // NICs by host
	holders   map[string]map[*session]struct{} // by NIC that is plugged there
	unwritten map[*session]struct{}            // of whose plugs the store may have to be told
	wake      chan struct{}                    // has one when there are any
}

func newPlugs() plugs {
	return plugs{
		at: map[string]map[string]store.Plug{}, of: map[string]map[string]struct{}{}, holders: map[string]map[*session]struct{}{},
		unwritten: map[*session]struct{}{}, wake: make(chan struct{}, 1),
	}
}

// plugID names a plug.
type plugID struct{ host, nic string }

// plugsToSend are the plugs that changed since the host was sent them.
type plugsToSend struct {
	full    bool // all of them
	changed map[plugID]struct{}
}

func (p *plugs) set(one store.Plug) {
	if p.at[one.NIC] == nil {
		p.at[one.NIC] = map[string]store.Plug{}
	}
	if p.of[one.Host] == nil {
		p.of[one.Host] = map[string]struct{}{}
	}
	p.at[one.NIC][one.Host] = one
	p.of[one.Host][one.NIC] = struct{}{}
}

func (p *plugs) drop(id plugID) {
	if delete(p.at[id.nic], id.host); len(p.at[id.nic]) == 0 {
		delete(p.at, id.nic)
	}
	if delete(p.of[id.host], id.nic); len(p.of[id.host]) == 0 {
		delete(p.of, id.host)
	}
}

// sendPlug queues a plug to be sent to the host, as it will be at that time.
func (s *session) sendPlug(id plugID) {
	if s.plugsToSend.full {
		return
	}
	if s.plugsToSend.changed == nil {
		s.plugsToSend.changed = map[plugID]struct{}{}
	}
	s.plugsToSend.changed[id] = struct{}{}
	s.notify()
}

// sendAllPlugs queues all plugs of the host and of its NICs.
func (s *session) sendAllPlugs() {
	s.plugsToSend = plugsToSend{full: true}
	s.notify()
}

// mayKnow reports whether a host is to be sent a plug: its own ones, and those of its
// NICs at hosts where they may be.
func (s *session) mayKnow(id plugID) bool {
	if id.host == s.host {
		return true
	}
	if s.plugged[id.nic] == nil {
		return false
	}
	n := s.relay.policy.NIC(id.nic)
	return n == nil || n.MayBeAt(id.host)
}

// takePlugsToSend returns the message with the queued plugs, nil if there are none.
func (s *session) takePlugsToSend() *wire.PlugsAt {
	r := s.relay
	if !r.plugs.known || !s.plugsToSend.full && len(s.plugsToSend.changed) == 0 {
		return nil
	}
	m := &wire.PlugsAt{Full: s.plugsToSend.full}
	ids := s.plugsToSend.changed
	if s.plugsToSend.full {
		ids = map[plugID]struct{}{}
		for nic := range r.plugs.of[s.host] {
			ids[plugID{s.host, nic}] = struct{}{}
		}
		for nic := range s.plugged {
			for host := range r.plugs.at[nic] {
				ids[plugID{host, nic}] = struct{}{}
			}
		}
	}
	s.plugsToSend = plugsToSend{}
	for id := range ids {
		p, there := r.plugs.at[id.nic][id.host]
		switch {
		case there && s.mayKnow(id):
			m.Set = append(m.Set, &wire.Plug{Host: p.Host, Nic: p.NIC, Row: p.Row, Order: p.Order, Restored: p.Restored, Ready: p.Ready})
		case !m.Full:
			m.Gone = append(m.Gone, &wire.Plug{Host: id.host, Nic: id.nic})
		}
	}
	return m
}

// setHeld notes whether a NIC is plugged at the host. If that is new the host is sent where
// else it is plugged, and the store is written the host's plug.
func (s *session) setHeld(nic string, is bool) {
	if s.relay.plugs.setHolder(nic, s, is) {
		for host := range s.relay.plugs.at[nic] {
			s.sendPlug(plugID{host, nic})
		}
	}
	s.writePlug(nic, !is)
}

// setHolder notes whether a session has a NIC plugged, and reports whether that is new.
func (p *plugs) setHolder(nic string, s *session, is bool) (news bool) {
	all := p.holders[nic]
	if _, did := all[s]; did == is {
		return false
	}
	switch {
	case !is:
		if delete(all, s); len(all) == 0 {
			delete(p.holders, nic)
		}
	case all == nil:
		p.holders[nic] = map[*session]struct{}{s: {}}
	default:
		all[s] = struct{}{}
	}
	return true
}

// dropHolder forgets a session that has ended.
func (p *plugs) dropHolder(s *session) {
	delete(p.unwritten, s)
	for nic := range s.plugged {
		p.setHolder(nic, s, false)
	}
}

// writePlug queues the plug of a NIC at this host to be written, if the store has another
// one. With back it is deleted first: the NIC was unplugged, and is another plug when it
// is plugged again.
func (s *session) writePlug(nic string, back bool) {
	if s.plugsToWrite == nil {
		s.plugsToWrite = map[string]bool{}
	}
	s.plugsToWrite[nic] = s.plugsToWrite[nic] || back
	s.relay.plugs.unwritten[s] = struct{}{}
	s.relay.plugs.wakeWriter()
}

// wakeWriter wakes the goroutine of writePlugs.
func (p *plugs) wakeWriter() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// writeAllPlugs queues all plugs of the host, also those of an earlier stream.
func (s *session) writeAllPlugs() {
	for nic := range s.plugged {
		s.writePlug(nic, false)
	}
	for nic := range s.relay.plugs.of[s.host] {
		s.writePlug(nic, false)
	}
}
