package realization

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// Edits of a network with thousands of NICs are small changes that concern many:
// what is kept of them is bound by what it takes, which the estimate is close to.
func TestHistoryIsBoundInBytes(t *testing.T) {
	const nics, edits, most = 2000, 40, 2 << 20
	s := secgroup.NewSnapshot()
	network := func(vlan uint16) secgroup.Change {
		return secgroup.Put(&secgroup.Network{ID: "net1", Type: secgroup.NetworkFlat, VLAN: vlan, RoutingDomain: "provider"})
	}
	all := []secgroup.Change{secgroup.Put(&secgroup.Account{ID: "acme"}), network(0)}
	for i := range nics {
		all = append(all, secgroup.Put(&secgroup.NIC{
			ID: fmt.Sprintf("n%04d", i), Account: "acme", Network: "net1", MAC: secgroup.MAC{2, 0, 0, 0, byte(i >> 8), byte(i)},
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})},
		}))
	}
	s, _ = s.With(1, all)
	h := NewHistory()
	h.most = most
	before := heap()
	for i := range edits {
		changes := []secgroup.Change{network(uint16(i + 1))}
		after, _ := s.With(int64(i+2), changes)
		h.Record(s, after, store.Batch{Revision: int64(i + 2), Changes: changes})()
		s = after
	}
	estimate, real := h.Size(), int(heap()-before)
	t.Logf("%d edits of %d NICs: %d kept, estimated %d bytes, really %d", edits, nics, len(h.undo), estimate, real)
	if estimate > most || len(h.undo) == edits || len(h.undo) == 0 {
		t.Errorf("%d edits are kept, of %d bytes; at most %d", len(h.undo), estimate, most)
	}
	if real > 2*most {
		t.Errorf("what is kept takes %d bytes, at most %d are meant", real, most)
	}
	if _, err := h.At(s, h.undo[0].from, ""); err != nil {
		t.Errorf("the oldest one that is kept: %v", err)
	}
	if _, err := h.At(s, 1, ""); err == nil {
		t.Error("one that is not kept is shown")
	}
	runtime.KeepAlive(h)
}

// heap is how much is in use, in bytes.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
