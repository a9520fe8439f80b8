package ofrules_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/secgroup"
)

// TestSemantics walks through policytest's semantics.txt, the sentences of the
// semantics with the packets that show them: on one host, and on two, with each
// line's change followed as it comes.
func TestSemantics(t *testing.T) {
	t.Parallel()
	scenarios, err := policytest.Semantics()
	if err != nil {
		t.Fatal(err)
	}
	for _, hosts := range []int{1, 2} {
		for _, scenario := range scenarios {
			t.Run(fmt.Sprintf("%d/%s", hosts, scenario.Name), func(t *testing.T) {
				t.Parallel()
				s := secgroup.NewSnapshot()
				f := newFabric(s, hosts)
				for _, step := range scenario.Steps {
					if step.Check == nil {
						var touched secgroup.Touched
						s, touched = s.With(int64(step.Line), step.Changes)
						f.follow(s, touched)
						continue
					}
					c := step.Check.Case(s)
					tr := f.passes(t, c)
					passed := tr.left
					if c.Dst != nil {
						passed = slices.Equal(tr.reached, []string{c.Dst.ID})
					}
					if passed != step.Check.Allow {
						t.Errorf("semantics.txt:%d: %s\nby the flows it passes: %v\n%s", step.Line, step.Text, passed, tr.story())
					}
					f.admitted(t, tr, c.Packet)
				}
			})
		}
	}
}

// passes sends a packet all its way: inside a segment, by a router between two,
// from or to outside.
func (f *fabric) passes(t *testing.T, c policytest.Case) *trip {
	t.Helper()
	packet := fields(c.Packet, c.Src)
	switch {
	case c.Src == nil:
		return f.arrive(t, c.Dst.Network, frameMAC(c), packet)
	case c.Dst == nil || f.oneSegment(c.Src, c.Dst):
		return f.send(t, c.Src, frameMAC(c), packet)
	}
	tr := f.send(t, c.Src, gatewayMAC, packet)
	if !tr.left {
		return tr
	}
	routed := f.arrive(t, c.Dst.Network, c.Dst.MAC, packet)
	routed.stories = append(tr.stories, routed.stories...)
	return routed
}

// frameMAC is the MAC that a frame with this packet is for: everybody's for
// broadcast and multicast addresses.
func frameMAC(c policytest.Case) secgroup.MAC {
	switch {
	case c.Packet.Dst.IsMulticast(), c.Packet.Dst == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return broadcastMAC
	case c.Dst != nil:
		return c.Dst.MAC
	}
	return gatewayMAC
}
