package ofsim

import (
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/openflow"
)

// world is a random flow set, for packets with values from the same small
// domains, so that packets and flows meet.
type world struct {
	rng    *rand.Rand
	flows  []openflow.Flow
	cookie uint64
}

const (
	worldTables = 5
	worldPorts  = 3
)

func newWorld(seed uint64) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 15))}
	for table := range uint8(worldTables) {
		w.fill(table)
	}
	return w
}

// fill adds the flows of one table: hard flows with a priority each, so that
// never two of them compete, and clauses at a few priorities that they share.
func (w *world) fill(table uint8) {
	priorities := w.rng.Perm(400)
	next := func() uint16 {
		p := priorities[0]
		priorities = priorities[1:]
		return uint16(100 + p)
	}
	// OVS may overlook a conjunction beside another that is complete and leads
	// to no flow at all, so tables of conjunctions have a default flow.
	withConjunctions := w.rng.IntN(4) > 0
	if withConjunctions || w.rng.IntN(2) == 0 {
		w.add(w.hard(table, 0, openflow.Match{}))
	}
	for range 2 + w.rng.IntN(12) {
		w.add(w.hard(table, next(), w.match(4)))
	}
	if !withConjunctions {
		return
	}
	soft := []uint16{500, next()}
	merged := make(map[openflow.FlowKey][]openflow.Action)
	var order []openflow.FlowKey
	for id := range uint32(1 + w.rng.IntN(4)) {
		id = id + 1 + 10*uint32(table)
		of := uint8(2 + w.rng.IntN(2))
		priority := soft[w.rng.IntN(2)]
		for clause := uint8(1); clause <= of; clause++ {
			for range 3 + w.rng.IntN(5) {
				k := openflow.FlowKey{Table: table, Priority: priority, Match: w.match(1)}
				if k.Match.IsZero() { // would hide the default flow
					continue
				}
				if merged[k] == nil {
					order = append(order, k)
				}
				merged[k] = append(merged[k], openflow.Conjunction{ID: id, Clause: clause, Of: of})
			}
		}
		if w.rng.IntN(5) > 0 {
			terms := []openflow.Term{openflow.ConjID.Is(uint64(id))}
			if w.rng.IntN(2) == 0 {
				terms = append(terms, openflow.EthType.Is(openflow.EthTypeIPv4))
			}
			w.add(w.hard(table, next(), openflow.MustMatch(terms...)))
		}
	}
	for _, k := range order {
		w.add(openflow.Flow{Table: table, Priority: k.Priority, Match: k.Match, Actions: openflow.MustActions(merged[k]...)})
	}
	if w.rng.IntN(3) == 0 && len(order) > 0 {
		// A hard flow at the clauses' priority.
		w.add(w.hard(table, order[0].Priority, w.match(3)))
	}
}

// add gives the flow a cookie of its own, unless its key is taken.
func (w *world) add(f openflow.Flow) {
	if slices.ContainsFunc(w.flows, func(g openflow.Flow) bool { return g.Key() == f.Key() }) {
		return
	}
	w.cookie++
	f.Cookie = w.cookie
	w.flows = append(w.flows, f)
}

func pick[T any](w *world, from ...T) T { return from[w.rng.IntN(len(from))] }

func (w *world) match(most int) openflow.Match {
	for {
		var terms []openflow.Term
		if most > 1 && w.rng.IntN(3) > 0 {
			terms = append(terms, openflow.EthType.Is(openflow.EthTypeIPv4))
		}
		for range w.rng.IntN(most + 1) {
			terms = append(terms, w.condition()...)
		}
		seen := make(map[openflow.Field]bool)
		terms = slices.DeleteFunc(terms, func(t openflow.Term) bool {
			twice := seen[t.Field()]
			seen[t.Field()] = true
			return twice
		})
		if m, err := openflow.NewMatch(terms...); err == nil {
			return m
		}
	}
}

// condition is one condition with what it requires.
func (w *world) condition() []openflow.Term {
	bits := []int{0, 8, 16, 22, 24, 31, 32}
	switch w.rng.IntN(15) {
	case 0:
		return []openflow.Term{openflow.InPort.Is(1 + w.rng.Uint64N(worldPorts))}
	case 1:
		return []openflow.Term{openflow.EthType.Is(pick[uint64](w, openflow.EthTypeIPv4, openflow.EthTypeIPv6, openflow.EthTypeARP))}
	case 2:
		return []openflow.Term{openflow.EthType.Is(openflow.EthTypeIPv4), pick(w, openflow.IPv4Src, openflow.IPv4Dst).IsPrefix(netip.PrefixFrom(pick(w, worldAddresses...), pick(w, bits...)))}
	case 3:
		return []openflow.Term{openflow.EthType.Is(openflow.EthTypeIPv6), pick(w, openflow.IPv6Src, openflow.IPv6Dst).IsPrefix(netip.PrefixFrom(pick(w, worldAddresses6...), pick(w, 0, 48, 64, 127, 128)))}
	case 4:
		return []openflow.Term{openflow.EthType.Is(pick[uint64](w, openflow.EthTypeIPv4, openflow.EthTypeIPv6)), openflow.IPProto.Is(openflow.ProtoTCP), pick(w, openflow.TCPDst, openflow.TCPSrc).IsMasked(w.rng.Uint64N(16), pick[uint64](w, 0xffff, 0xfffc, 0xfff8))}
	case 5:
		return []openflow.Term{openflow.EthType.Is(pick[uint64](w, openflow.EthTypeIPv4, openflow.EthTypeIPv6)), openflow.IPProto.Is(openflow.ProtoUDP), openflow.UDPDst.IsMasked(w.rng.Uint64N(16), pick[uint64](w, 0xffff, 0xfffe))}
	case 6:
		return []openflow.Term{openflow.EthType.Is(openflow.EthTypeIPv4), openflow.IPProto.Is(openflow.ProtoICMP), openflow.ICMPType.Is(pick[uint64](w, 0, 8))}
	case 7:
		return []openflow.Term{openflow.EthType.Is(openflow.EthTypeARP), openflow.ARPOp.Is(pick[uint64](w, 1, 2)), openflow.ARPSPA.IsAddr(pick(w, worldAddresses...))}
	case 8:
		return []openflow.Term{openflow.EthType.Is(openflow.EthTypeIPv6), openflow.IPProto.Is(openflow.ProtoICMPv6), openflow.ICMPv6Type.Is(pick[uint64](w, 128, 135)), openflow.ICMPv6Code.Is(0)}
	case 9:
		return []openflow.Term{pick(w, openflow.EthSrc, openflow.EthDst).IsMAC(pick(w, worldMACs...))}
	case 10:
		if w.rng.IntN(2) == 0 {
			return []openflow.Term{openflow.VlanVID.Is(0)}
		}
		return []openflow.Term{openflow.VlanVID.IsMasked(openflow.VlanPresent|w.rng.Uint64N(3), pick[uint64](w, 0x1fff, 0x1000))}
	case 11:
		bit := pick[uint64](w, openflow.CTNew, openflow.CTEst, openflow.CTRel, openflow.CTRpl, openflow.CTInv, openflow.CTTrk)
		return []openflow.Term{openflow.CTState.IsMasked(pick(w, bit, bit, 0), bit)}
	case 12:
		if w.rng.IntN(2) == 0 {
			return []openflow.Term{openflow.CTZone.Is(w.rng.Uint64N(3))}
		}
		return []openflow.Term{openflow.CTMark.IsMasked(w.rng.Uint64N(4), pick[uint64](w, 0xffffffff, 1))}
	case 13:
		return []openflow.Term{openflow.EthType.Is(openflow.EthTypeIPv4), pick(w, openflow.IPFrag.Is(0), openflow.IPFrag.Is(openflow.FragAny), openflow.IPFrag.IsMasked(openflow.FragAny, openflow.FragAny))}
	}
	if w.rng.IntN(4) == 0 {
		return []openflow.Term{openflow.Metadata.IsMasked(w.rng.Uint64N(4), pick[uint64](w, 3, 1, ^uint64(0)))}
	}
	return []openflow.Term{openflow.Reg(w.rng.IntN(3)).IsMasked(w.rng.Uint64N(4), pick[uint64](w, 0xffffffff, 3, 1, 2))}
}

// hard returns a flow with random actions that the switch accepts for the match.
func (w *world) hard(table uint8, priority uint16, m openflow.Match) openflow.Flow {
	var list []openflow.Action
	for n := w.rng.IntN(5); len(list) < n; {
		a := w.action(table, 0)
		once := a == openflow.Action(openflow.PushVLAN{}) || a == openflow.Action(openflow.PopVLAN{})
		if consistent(a, m) && !(once && slices.Contains(list, a)) {
			list = append(list, a)
		}
	}
	if table+1 < worldTables && w.rng.IntN(4) == 0 {
		list = append(list, openflow.Goto{Table: w.later(table)})
	}
	return openflow.Flow{Table: table, Priority: priority, Match: m, Actions: openflow.MustActions(list...)}
}

// consistent reports whether the switch accepts the action with the match:
// ct wants IP, a commit no invalid packet, pop_vlan a tag.
func consistent(a openflow.Action, m openflow.Match) bool {
	switch a := a.(type) {
	case openflow.CT:
		ethType, _, _ := m.Uint64(openflow.EthType)
		state, _, _ := m.Uint64(openflow.CTState)
		return (ethType == openflow.EthTypeIPv4 || ethType == openflow.EthTypeIPv6) && !(a.Commit && state&openflow.CTInv != 0)
	case openflow.PopVLAN:
		vid, _, _ := m.Uint64(openflow.VlanVID)
		return vid&openflow.VlanPresent != 0
	case openflow.Clone:
		return !slices.ContainsFunc(a.Actions, func(a openflow.Action) bool { return !consistent(a, m) })
	}
	return true
}

func (w *world) later(table uint8) uint8 {
	return table + 1 + uint8(w.rng.IntN(worldTables-1-int(table)))
}

func (w *world) action(table uint8, nested int) openflow.Action {
	last := table+1 >= worldTables
	switch n := w.rng.IntN(16); {
	case n < 3 && !last:
		return openflow.Resubmit{Table: w.later(table)}
	case n == 3 && !last:
		return openflow.Resubmit{Table: w.later(table), InPort: 1 + uint32(w.rng.IntN(worldPorts))}
	case n < 7 && !last:
		ct := openflow.CT{Zone: uint16(w.rng.IntN(3)), Table: int(w.later(table))}
		if w.rng.IntN(3) == 0 {
			ct.Zone, ct.ZoneField = 0, openflow.Reg(w.rng.IntN(3))
		}
		if w.rng.IntN(2) == 0 {
			ct.Commit = true
			ct.Exec = []openflow.Action{openflow.SetField{Field: openflow.CTMark, Value: w.rng.Uint64N(4)}}
		}
		return ct
	case n == 7:
		return openflow.CT{Commit: true, Zone: uint16(w.rng.IntN(3)), Table: openflow.NoTable,
			Exec: []openflow.Action{openflow.SetWide{Field: openflow.CTLabel, Value: [16]byte{15: byte(w.rng.IntN(4))}}}}
	case n == 15 && nested == 0:
		return openflow.CopyField{Src: openflow.Reg(w.rng.IntN(3)), SrcBits: openflow.Range{Offset: uint8(w.rng.IntN(3)), Width: 2},
			Dst: openflow.Reg(w.rng.IntN(3)), DstBits: openflow.Range{Offset: uint8(w.rng.IntN(3)), Width: 2}}
	case n == 8 && nested == 0:
		return pick[openflow.Action](w, openflow.PushVLAN{}, openflow.PopVLAN{})
	case n == 9 && nested == 0:
		var list []openflow.Action
		for range 1 + w.rng.IntN(3) {
			list = append(list, w.action(table, 1))
		}
		return openflow.Clone{Actions: list}
	case n == 10:
		return openflow.OutputField{Field: openflow.Reg(w.rng.IntN(3)), Bits: openflow.Range{Width: 2}}
	case n == 11:
		return pick[openflow.Action](w, openflow.Output{Port: openflow.PortInPort}, openflow.CTClear{}, openflow.SetField{Field: openflow.Metadata, Value: w.rng.Uint64N(4), Mask: 3})
	case n == 12:
		return openflow.SetField{Field: openflow.EthDst, Value: 0x020000000001 + w.rng.Uint64N(2)}
	case n == 13:
		return openflow.SetField{Field: openflow.Reg(w.rng.IntN(3)), Value: w.rng.Uint64N(4), Mask: 3}
	case n == 14:
		return openflow.SetField{Field: openflow.Reg(w.rng.IntN(3)), Value: w.rng.Uint64N(4)}
	}
	return openflow.Output{Port: 1 + uint32(w.rng.IntN(worldPorts))}
}
