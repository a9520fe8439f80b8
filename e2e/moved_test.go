package e2e

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/matrix"
	"github.com/ringfence/ringfence/internal/traffic"
)

// found has a machine that was moved say where it is, until every one of the
// others reaches it. A switch learns from what is sent first, but what a cached
// megaflow carries it notices only when a revalidator passes; until then it sends
// what is for the machine to where that was, whoever may talk to it.
//
// The one that was left, if it is still plugged, has the same MAC and may have got packets
// until its host knew better: it is to look no more for whom it wants to answer, or the
// switch takes it for the machine again.
func (n *tenant) found(t *testing.T, moved, left *matrix.Party, others ...*matrix.Party) {
	t.Helper()
	n.reached(t, moved, others)
	if left != nil {
		forgetNeighbours(t, left)
		n.reached(t, moved, others)
	}
	forgetNeighbours(t, moved)
	for _, host := range hosts { // What was cached before they had learned it goes, too.
		if _, err := n.dc.lab.Host(host).Appctl(t.Context(), "revalidator/wait"); err != nil {
			t.Fatal(err)
		}
	}
}

// reached sends from a machine to others, and from them to it, until it has something of each.
func (n *tenant) reached(t *testing.T, moved *matrix.Party, others []*matrix.Party) {
	t.Helper()
	says := newSender(t, moved.Node)
	for _, other := range others {
		asks, begin := newSender(t, other.Node), time.Now()
		var marks [][]byte
		eventually(t, longest, func() error {
			says.send(t, newWire(moved, other, n.vlan).udp(53)...)
			w := newWire(other, moved, n.vlan)
			marks = append(marks, w.mark)
			asks.send(t, w.udp(53)...)
			if len(moved.Capture.Find(begin, func(p *traffic.Packet) bool { return !p.Out && contains(p.Frame, marks) })) == 0 {
				return fmt.Errorf("nothing from %s arrives at %s", other.Name(), moved.Name())
			}
			return nil
		})
	}
}

// contains says whether one of the marks is in the frame.
func contains(frame []byte, marks [][]byte) bool {
	return slices.ContainsFunc(marks, func(m []byte) bool { return bytes.Contains(frame, m) })
}
