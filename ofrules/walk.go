package ofrules

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"

	of "github.com/ringfence/ringfence/openflow"
)

// The switch caches what it looked up as megaflows, which have masks but no negation: if
// a flow compares a whole MAC or address, each other value that a VM makes up gets a
// megaflow of its own, by an upcall that delays other packets. So such fields are
// compared byte by byte: the flows of one table lead from one byte to the next, with the
// step in a register. A wrong value is dropped at its first byte that differs, so that
// there are at most 255 megaflows a byte, however many frames a VM sends. (IP addresses
// need none of it: the classifier tracks their prefixes.)

// walk compares a field of the packets that match at with some values.
type walk struct {
	table uint8
	prio  uint16
	at    []of.Term
	field of.Field
	next  uint64 // the first step, a value of regProfile, that is not in use yet
}

// branch is a value, or a prefix of one, and the actions for packets that have it.
type branch struct {
	value []byte
	bits  int
	then  []of.Action // with a step to go on from, or no step any more
}

func branchOf(p netip.Prefix, found ...of.Action) branch {
	return branch{p.Masked().Addr().AsSlice(), p.Bits(), found}
}

func branchOfMAC(mac [6]byte, found ...of.Action) branch { return branch{mac[:], 48, found} }

// covers reports whether every value that has the prefix b has the prefix a.
func (a branch) covers(b branch) bool {
	if a.bits > b.bits {
		return false
	}
	whole := a.bits / 8
	return bytes.Equal(a.value[:whole], b.value[:whole]) && (a.bits%8 == 0 || (a.value[whole]^b.value[whole])>>(8-a.bits%8) == 0)
}

// step returns the actions that go on with step n of a walk in the table.
func step(table uint8, n uint64) []of.Action {
	return []of.Action{load(regProfile, n), of.Resubmit{Table: table}}
}

// compare adds the flows that compare the field with ways, from a step on. Of two
// ways of which one covers the other it stays with the wider one.
func (w *walk) compare(b *builder, from uint64, ways ...branch) {
	ways = slices.Clone(ways)
	slices.SortStableFunc(ways, func(a, b branch) int { return cmp.Or(cmp.Compare(a.bits, b.bits), bytes.Compare(a.value, b.value)) })
	var kept []branch
	for _, v := range ways {
		if !slices.ContainsFunc(kept, func(k branch) bool { return k.covers(v) }) {
			kept = append(kept, v)
		}
	}
	slices.SortFunc(kept, func(a, b branch) int { return bytes.Compare(a.value, b.value) })
	w.node(b, from, 0, kept)
}

// node adds the flows of one step, which looks at one byte, and of those behind it.
// All ways have the bytes before it, in order of their values.
func (w *walk) node(b *builder, at uint64, i int, ways []branch) {
	here := append(slices.Clip(w.at), regProfile.Is(at))
	for len(ways) > 0 {
		v := ways[0]
		if v.bits == 0 {
			b.flow(w.table, w.prio, here, v.then...)
			return
		}
		value, mask := make([]byte, len(v.value)), make([]byte, len(v.value))
		value[i], mask[i] = v.value[i], 0xff
		if len(value) == 16 {
			// ovs-ofctl(8) reads an IPv6 mask that begins with a decimal digit, as it writes
			// it itself, for a number of bits. The bytes before are known, so a prefix says
			// the same.
			for j := range i {
				value[j], mask[j] = v.value[j], 0xff
			}
		}
		if rest := v.bits - 8*i; rest <= 8 {
			mask[i] <<= 8 - rest
			b.flow(w.table, w.prio, append(slices.Clip(here), w.field.IsBytes(value, mask)), v.then...)
			ways = ways[1:]
			continue
		}
		same := slices.IndexFunc(ways, func(o branch) bool { return o.value[i] != v.value[i] })
		if same < 0 {
			same = len(ways)
		}
		child := w.next
		w.next++
		b.flow(w.table, w.prio, append(slices.Clip(here), w.field.IsBytes(value, mask)), step(w.table, child)...)
		w.node(b, child, i+1, ways[:same])
		ways = ways[same:]
	}
}
