package ofconn

import (
	"encoding/binary"
	"sync"

	"github.com/ringfence/ringfence/openflow/wire"
)

const (
	// shapesMax is how many messages a bundle may have to be committed at once:
	// in a larger one the round trip is no part of the time worth speaking of,
	// and working out the shapes is.
	shapesMax = 256
	// maxShapes bounds what a connection remembers, of some 100 bytes each. A
	// pipeline has some hundred, and each ofport some more.
	maxShapes = 4096
)

// shapes are the kinds of messages that the switch has taken on this connection.
// A new connection may be to another version of the switch, and starts without.
type shapes struct {
	mu    sync.Mutex
	known map[string]struct{}
}

// shapesOf are the shapes of messages, each once.
func shapesOf(mods []wire.FlowMod) map[string]struct{} {
	found := make(map[string]struct{}, 8)
	var b []byte
	for i := range mods {
		b = appendShape(b[:0], &mods[i])
		if _, ok := found[string(b)]; !ok {
			found[string(b)] = struct{}{}
		}
	}
	return found
}

// appendShape adds what a switch looks at before it takes a message into a bundle.
func appendShape(b []byte, m *wire.FlowMod) []byte {
	b = binary.BigEndian.AppendUint16(append(b, byte(m.Command)), uint16(m.Flags))
	b = binary.BigEndian.AppendUint32(b, m.OutPort)
	b = binary.BigEndian.AppendUint32(b, m.OutGroup)
	return m.Flow.AppendShape(b)
}

// accepted reports whether the switch has taken messages of all of these shapes.
func (s *shapes) accepted(all map[string]struct{}) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for shape := range all {
		if _, ok := s.known[shape]; !ok {
			return false
		}
	}
	return true
}

// learn remembers shapes of messages that the switch has taken.
func (s *shapes) learn(all map[string]struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known == nil || len(s.known)+len(all) > maxShapes {
		s.known = make(map[string]struct{}, len(all))
	}
	for shape := range all {
		s.known[shape] = struct{}{}
	}
}

// forget believes of no shape any more that the switch takes it.
func (s *shapes) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.known)
}
