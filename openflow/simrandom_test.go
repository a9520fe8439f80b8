package openflow

import (
	"math/rand/v2"
	"net/netip"
	"slices"
)

// world is a random flow set, for packets with values from the same small
// domains, so that packets and flows meet.
type world struct {
	rng    *rand.Rand
	flows  []Flow
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
		w.add(w.hard(table, 0, Match{}))
	}
	for range 2 + w.rng.IntN(12) {
		w.add(w.hard(table, next(), w.match(4)))
	}
	if !withConjunctions {
		return
	}
	soft := []uint16{500, next()}
	merged := make(map[FlowKey][]Action)
	var order []FlowKey
	for id := range uint32(1 + w.rng.IntN(4)) {
		id = id + 1 + 10*uint32(table)
		of := uint8(2 + w.rng.IntN(2))
		priority := soft[w.rng.IntN(2)]
		for clause := uint8(1); clause <= of; clause++ {
			for range 3 + w.rng.IntN(5) {
				k := FlowKey{Table: table, Priority: priority, Match: w.match(1)}
				if k.Match.IsZero() { // would hide the default flow
					continue
				}
				if merged[k] == nil {
					order = append(order, k)
				}
				merged[k] = append(merged[k], Conjunction{ID: id, Clause: clause, Of: of})
			}
		}
		if w.rng.IntN(5) > 0 {
			terms := []Term{ConjID.Is(uint64(id))}
			if w.rng.IntN(2) == 0 {
				terms = append(terms, EthType.Is(EthTypeIPv4))
			}
			w.add(w.hard(table, next(), MustMatch(terms...)))
		}
	}
	for _, k := range order {
		w.add(Flow{Table: table, Priority: k.Priority, Match: k.Match, Actions: MustActions(merged[k]...)})
	}
	if w.rng.IntN(3) == 0 && len(order) > 0 {
		// A hard flow at the clauses' priority.
		w.add(w.hard(table, order[0].Priority, w.match(3)))
	}
}

// add gives the flow a cookie of its own, unless its key is taken.
func (w *world) add(f Flow) {
	if slices.ContainsFunc(w.flows, func(g Flow) bool { return g.Key() == f.Key() }) {
		return
	}
	w.cookie++
	f.Cookie = w.cookie
	w.flows = append(w.flows, f)
}

func pick[T any](w *world, from ...T) T { return from[w.rng.IntN(len(from))] }

func (w *world) match(most int) Match {
	for {
		var terms []Term
		if most > 1 && w.rng.IntN(3) > 0 {
			terms = append(terms, EthType.Is(EthTypeIPv4))
		}
		for range w.rng.IntN(most + 1) {
			terms = append(terms, w.condition()...)
		}
		seen := make(map[Field]bool)
		terms = slices.DeleteFunc(terms, func(t Term) bool {
			twice := seen[t.Field()]
			seen[t.Field()] = true
			return twice
		})
		if m, err := NewMatch(terms...); err == nil {
			return m
		}
	}
}

// condition is one condition with what it requires.
func (w *world) condition() []Term {
	bits := []int{0, 8, 16, 22, 24, 31, 32}
	switch w.rng.IntN(15) {
	case 0:
		return []Term{InPort.Is(1 + w.rng.Uint64N(worldPorts))}
	case 1:
		return []Term{EthType.Is(pick[uint64](w, EthTypeIPv4, EthTypeIPv6, EthTypeARP))}
	case 2:
		return []Term{EthType.Is(EthTypeIPv4), pick(w, IPv4Src, IPv4Dst).IsPrefix(netip.PrefixFrom(pick(w, worldAddresses...), pick(w, bits...)))}
	case 3:
		return []Term{EthType.Is(EthTypeIPv6), pick(w, IPv6Src, IPv6Dst).IsPrefix(netip.PrefixFrom(pick(w, worldAddresses6...), pick(w, 0, 48, 64, 127, 128)))}
	case 4:
		return []Term{EthType.Is(pick[uint64](w, EthTypeIPv4, EthTypeIPv6)), IPProto.Is(ProtoTCP), pick(w, TCPDst, TCPSrc).IsMasked(w.rng.Uint64N(16), pick[uint64](w, 0xffff, 0xfffc, 0xfff8))}
	case 5:
		return []Term{EthType.Is(pick[uint64](w, EthTypeIPv4, EthTypeIPv6)), IPProto.Is(ProtoUDP), UDPDst.IsMasked(w.rng.Uint64N(16), pick[uint64](w, 0xffff, 0xfffe))}
	case 6:
		return []Term{EthType.Is(EthTypeIPv4), IPProto.Is(ProtoICMP), ICMPType.Is(pick[uint64](w, 0, 8))}
	case 7:
		return []Term{EthType.Is(EthTypeARP), ARPOp.Is(pick[uint64](w, 1, 2)), ARPSPA.IsAddr(pick(w, worldAddresses...))}
	case 8:
		return []Term{EthType.Is(EthTypeIPv6), IPProto.Is(ProtoICMPv6), ICMPv6Type.Is(pick[uint64](w, 128, 135)), ICMPv6Code.Is(0)}
	case 9:
		return []Term{pick(w, EthSrc, EthDst).IsMAC(pick(w, worldMACs...))}
	case 10:
		if w.rng.IntN(2) == 0 {
			return []Term{VlanVID.Is(0)}
		}
		return []Term{VlanVID.IsMasked(VlanPresent|w.rng.Uint64N(3), pick[uint64](w, 0x1fff, 0x1000))}
	case 11:
		bit := pick[uint64](w, CTNew, CTEst, CTRel, CTRpl, CTInv, CTTrk)
		return []Term{CTState.IsMasked(pick(w, bit, bit, 0), bit)}
	case 12:
		if w.rng.IntN(2) == 0 {
			return []Term{CTZone.Is(w.rng.Uint64N(3))}
		}
		return []Term{CTMark.IsMasked(w.rng.Uint64N(4), pick[uint64](w, 0xffffffff, 1))}
	case 13:
		return []Term{EthType.Is(EthTypeIPv4), pick(w, IPFrag.Is(0), IPFrag.Is(FragAny), IPFrag.IsMasked(FragAny, FragAny))}
	}
	if w.rng.IntN(4) == 0 {
		return []Term{Metadata.IsMasked(w.rng.Uint64N(4), pick[uint64](w, 3, 1, ^uint64(0)))}
	}
	return []Term{Reg(w.rng.IntN(3)).IsMasked(w.rng.Uint64N(4), pick[uint64](w, 0xffffffff, 3, 1, 2))}
}

// hard returns a flow with random actions that the switch accepts for the match.
func (w *world) hard(table uint8, priority uint16, m Match) Flow {
	var list []Action
	for n := w.rng.IntN(5); len(list) < n; {
		a := w.action(table, 0)
		once := a == Action(PushVLAN{}) || a == Action(PopVLAN{})
		if consistent(a, m) && !(once && slices.Contains(list, a)) {
			list = append(list, a)
		}
	}
	if table+1 < worldTables && w.rng.IntN(4) == 0 {
		list = append(list, Goto{w.later(table)})
	}
	return Flow{Table: table, Priority: priority, Match: m, Actions: MustActions(list...)}
}

// consistent reports whether the switch accepts the action with the match:
// ct wants IP, a commit no invalid packet, pop_vlan a tag.
func consistent(a Action, m Match) bool {
	switch a := a.(type) {
	case CT:
		ethType, _, _ := m.Uint64(EthType)
		state, _, _ := m.Uint64(CTState)
		return (ethType == EthTypeIPv4 || ethType == EthTypeIPv6) && !(a.Commit && state&CTInv != 0)
	case PopVLAN:
		vid, _, _ := m.Uint64(VlanVID)
		return vid&VlanPresent != 0
	case Clone:
		return !slices.ContainsFunc(a.Actions, func(a Action) bool { return !consistent(a, m) })
	}
	return true
}

func (w *world) later(table uint8) uint8 {
	return table + 1 + uint8(w.rng.IntN(worldTables-1-int(table)))
}

func (w *world) action(table uint8, nested int) Action {
	last := table+1 >= worldTables
	switch n := w.rng.IntN(16); {
	case n < 3 && !last:
		return Resubmit{Table: w.later(table)}
	case n == 3 && !last:
		return Resubmit{Table: w.later(table), InPort: 1 + uint32(w.rng.IntN(worldPorts))}
	case n < 7 && !last:
		ct := CT{Zone: uint16(w.rng.IntN(3)), Table: int(w.later(table))}
		if w.rng.IntN(3) == 0 {
			ct.Zone, ct.ZoneField = 0, Reg(w.rng.IntN(3))
		}
		if w.rng.IntN(2) == 0 {
			ct.Commit = true
			ct.Exec = []Action{SetField{Field: CTMark, Value: w.rng.Uint64N(4)}}
		}
		return ct
	case n == 7:
		return CT{Commit: true, Zone: uint16(w.rng.IntN(3)), Table: NoTable,
			Exec: []Action{SetWide{Field: CTLabel, Value: [16]byte{15: byte(w.rng.IntN(4))}}}}
	case n == 15 && nested == 0:
		return CopyField{Src: Reg(w.rng.IntN(3)), SrcBits: Range{Offset: uint8(w.rng.IntN(3)), Width: 2},
			Dst: Reg(w.rng.IntN(3)), DstBits: Range{Offset: uint8(w.rng.IntN(3)), Width: 2}}
	case n == 8 && nested == 0:
		return pick[Action](w, PushVLAN{}, PopVLAN{})
	case n == 9 && nested == 0:
		var list []Action
		for range 1 + w.rng.IntN(3) {
			list = append(list, w.action(table, 1))
		}
		return Clone{list}
	case n == 10:
		return OutputField{Field: Reg(w.rng.IntN(3)), Bits: Range{Width: 2}}
	case n == 11:
		return pick[Action](w, Output{Port: PortInPort}, CTClear{}, SetField{Field: Metadata, Value: w.rng.Uint64N(4), Mask: 3})
	case n == 12:
		return SetField{Field: EthDst, Value: 0x020000000001 + w.rng.Uint64N(2)}
	case n == 13:
		return SetField{Field: Reg(w.rng.IntN(3)), Value: w.rng.Uint64N(4), Mask: 3}
	case n == 14:
		return SetField{Field: Reg(w.rng.IntN(3)), Value: w.rng.Uint64N(4)}
	}
	return Output{Port: 1 + uint32(w.rng.IntN(worldPorts))}
}
