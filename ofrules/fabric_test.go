package ofrules_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/ofrules"
	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofsim"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// uplink is the ofport to other hosts; NICs are plugged from firstPort on.
const (
	uplink    = 1
	firstPort = 10
)

// gatewayMAC is a MAC behind the uplink, broadcastMAC everybody's.
var (
	gatewayMAC   = secgroup.MAC{0x02, 0xff, 0xff, 0, 0, 1}
	broadcastMAC = secgroup.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

// station carries frames through one host's flows.
type station interface {
	// carry takes a frame in; the nth recirculation meets the nth conntrack
	// state, or what conntrack says of a packet that belongs to nothing.
	carry(t testing.TB, frame ofsim.Packet, states []uint32) passage
}

// passage is what became of a frame on one host.
type passage struct {
	exits      []exit
	admissions []admission
	story      fmt.Stringer // the way it took
}

// exit is a frame that leaves a host.
type exit struct {
	port uint32
	vlan uint64 // VlanVID: 0 or 0x1000|vid
}

// admission is a connection put into the connection tracker.
type admission struct {
	zone uint16
	mark uint32
}

// simStation is a station without a switch.
type simStation struct{ *ofsim.Sim }

func (s simStation) carry(tb testing.TB, frame ofsim.Packet, states []uint32) passage {
	tb.Helper()
	r, err := s.Run(frame, ofsim.Options{Conntrack: func(_ uint16, p ofsim.Packet) (uint32, uint32, [16]byte) {
		if len(states) == 0 {
			return alone(p), 0, [16]byte{}
		}
		state := states[0]
		states = states[1:]
		return state, 0, [16]byte{}
	}})
	if err != nil {
		tb.Fatalf("%v\n%v", err, r)
	}
	p := passage{story: r}
	for _, o := range r.Outputs {
		p.exits = append(p.exits, exit{o.Port, o.Packet.Uint(of.VlanVID)})
	}
	for _, c := range r.Commits {
		p.admissions = append(p.admissions, admission{c.Zone, c.Mark})
	}
	return p
}

// alone is what the userspace datapath's conntrack says of a packet that belongs
// to nothing (TestConntrackOfEveryICMPType).
func alone(p ofsim.Packet) uint32 {
	v6 := p.Uint(of.EthType) == of.EthTypeIPv6
	typ, code := p.Uint(of.ICMPType), p.Uint(of.ICMPCode)
	if v6 {
		typ, code = p.Uint(of.ICMPv6Type), p.Uint(of.ICMPv6Code)
	}
	switch {
	case v6 && p.Uint(of.IPProto) == of.ProtoICMPv6 && (typ != 128 || code != 0),
		!v6 && p.Uint(of.IPProto) == of.ProtoICMP && (typ != 8 && typ != 13 && typ != 15 || code != 0):
		return of.CTTrk | of.CTInv
	}
	return of.CTTrk | of.CTNew
}

// fabric is a policy on some hosts whose uplinks are on one physical network.
type fabric struct {
	policy *secgroup.Snapshot
	hosts  []*fabricHost
	home   map[string]*fabricHost // by NIC

	plugged int // NICs so far
}

// fabricHost is a host with NICs plugged in.
type fabricHost struct {
	station
	sim      *ofsim.Sim
	compiler *ofrules.Follower
	ofrules.Host
}

// newFabric plugs every NIC of a policy into one of some hosts, by turns.
func newFabric(s *secgroup.Snapshot, hosts int) *fabric {
	f := &fabric{policy: s, home: map[string]*fabricHost{}}
	for range hosts {
		sim := ofsim.New(nil)
		f.hosts = append(f.hosts, &fabricHost{simStation{sim}, sim, ofrules.Follow(s), ofrules.Host{Ports: map[string]ofrules.Port{}, Uplink: uplink}})
	}
	f.follow(s, secgroup.Touched{})
	return f
}

// follow has the hosts follow a change of the policy, which it then is. NICs that are new are
// plugged in, NICs that are gone are unplugged.
func (f *fabric) follow(policy *secgroup.Snapshot, touched secgroup.Touched) {
	f.policy = policy
	for id, h := range f.home {
		if f.policy.NIC(id) == nil {
			delete(h.Ports, id)
			delete(f.home, id)
		}
	}
	for _, n := range f.policy.NICs() {
		if f.home[n.ID] != nil {
			continue
		}
		h := f.hosts[f.plugged%len(f.hosts)]
		h.Ports[n.ID] = ofrules.Port{OFPort: uint32(firstPort + f.plugged), Zone: uint16(100 + f.plugged)}
		f.home[n.ID] = h
		f.plugged++
	}
	for _, h := range f.hosts {
		h.compiler.Apply(policy, touched)
		d := h.compiler.Update(h.Host)
		for _, flow := range d.Put {
			h.sim.Add(flow)
		}
		for _, flow := range d.Delete {
			h.sim.Delete(flow.Key())
		}
	}
}

// nicAt is the NIC in a port of the host, "" if there is none.
func (h *fabricHost) nicAt(port uint32) string {
	for id, p := range h.Ports {
		if p.OFPort == port {
			return id
		}
	}
	return ""
}

// trip is what became of a frame on all hosts.
type trip struct {
	from       string      // the sending NIC, "" if the frame came from outside
	reached    []string    // NICs, sorted
	left       bool        // by an uplink
	admissions []admission // of all hosts; their zones differ
	stories    []fmt.Stringer
}

// story is the way that the frame took.
func (tr *trip) story() string { return fmt.Sprint(tr.stories) }

// send puts a frame on the wire of a NIC, for a MAC.
func (f *fabric) send(tb testing.TB, src *secgroup.NIC, dst secgroup.MAC, packet []of.Term, states ...uint32) *trip {
	tb.Helper()
	tr := &trip{from: src.ID}
	h := f.home[src.ID]
	f.enter(tb, tr, h, makeFrame(tb, packet, h.Ports[src.ID].OFPort, src.MAC, dst, 0), states)
	slices.Sort(tr.reached)
	return tr
}

// arrive has a frame come from outside, by every uplink, on a network's VLAN.
func (f *fabric) arrive(tb testing.TB, network string, dst secgroup.MAC, packet []of.Term, states ...uint32) *trip {
	tb.Helper()
	tr := &trip{}
	frame := makeFrame(tb, packet, uplink, gatewayMAC, dst, vlanVID(f.policy.Network(network).VLAN))
	for _, h := range f.hosts {
		f.enter(tb, tr, h, frame, states)
	}
	slices.Sort(tr.reached)
	return tr
}

// enter takes a frame through a host and, if it leaves by the uplink, through
// all others.
func (f *fabric) enter(tb testing.TB, tr *trip, h *fabricHost, frame ofsim.Packet, states []uint32) {
	tb.Helper()
	p := h.carry(tb, frame, states)
	tr.stories = append(tr.stories, p.story)
	tr.admissions = append(tr.admissions, p.admissions...)
	for _, e := range p.exits {
		if e.port != uplink {
			if e.vlan != 0 {
				tb.Fatalf("a NIC gets a tagged frame\n%s", tr.story())
			}
			tr.reached = append(tr.reached, h.nicAt(e.port))
			continue
		}
		if frame.Uint(of.InPort) == uplink || tr.left {
			tb.Fatalf("a frame leaves by the uplink that it came by, or twice\n%s", tr.story())
		}
		tr.left = true
		onWire, err := frame.With(of.InPort.Is(uplink), of.VlanVID.Is(e.vlan))
		if err != nil {
			tb.Fatal(err)
		}
		for _, other := range f.hosts {
			if other != h {
				f.enter(tb, tr, other, onWire, states[min(len(states), 1):])
			}
		}
	}
}

// oneSegment tells whether two NICs can reach each other without a router.
func (f *fabric) oneSegment(x, y *secgroup.NIC) bool {
	n, m := f.policy.Network(x.Network), f.policy.Network(y.Network)
	return n.VLAN == m.VLAN && n.RoutingDomain == m.RoutingDomain
}

// admitted checks that connections are marked with rules that allow them.
func (f *fabric) admitted(tb testing.TB, tr *trip, p packet.Tuple) {
	tb.Helper()
	for _, a := range tr.admissions {
		if a.mark == ofrules.MarkUnrestricted || a.mark == ofrules.MarkBaseline {
			continue
		}
		for id, h := range f.home {
			if h.Ports[id].Zone != a.zone {
				continue
			}
			n, direction := f.policy.NIC(id), secgroup.Ingress
			if unfiltered := n.Enforcement == secgroup.EnforcementOff; unfiltered != (a.mark == ofrules.MarkUnfiltered) {
				tb.Fatalf("a connection of %s has mark %#x\n%s", id, a.mark, tr.story())
			} else if unfiltered {
				continue
			}
			if id == tr.from {
				direction = secgroup.Egress
			}
			rule, ok := h.compiler.Rule(a.mark)
			if !ok || !slices.Contains(verdict.Allowing(f.policy, n, direction, p), rule) {
				tb.Fatalf("%s of %s is admitted by %v (mark %#x), which does not allow it\n%s", direction, id, rule, a.mark, tr.story())
			}
		}
	}
}
