package ofrules

import (
	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
)

// destinationParts finds a NIC by the destination MAC of a frame in its segment,
// byte by byte as walk does. NICs whose MACs begin alike share these flows, so that
// a step is named by what it has found so far, in two registers, and not by a number.
func destinationParts(segment uint32, mac secgroup.MAC) []part {
	b := builder{cookie: cookie(KindSegment, segment)}
	for i := range mac {
		var value, mask secgroup.MAC
		value[i], mask[i] = mac[i], 0xff
		at := foundOf(mac, i)
		next := append(foundOf(mac, i+1).load(), of.Resubmit{Table: TableDeliver})
		if i == len(mac)-1 {
			next = append(found{}.load(), of.Goto{Table: TableLocal})
		}
		b.flow(TableDeliver, prioDeliver, terms(regSegment.Is(uint64(segment)), regProfile.Is(at.profile), regOut.Is(at.out), of.EthDst.IsMACMasked(value, mask)), next...)
	}
	return b.parts
}

// found is how far a destination MAC is known, as the registers have it: how many
// bytes, and which.
type found struct{ profile, out uint64 }

func foundOf(mac secgroup.MAC, n int) (f found) {
	for i := range min(n, 4) {
		f.out |= uint64(mac[i]) << (8 * i)
	}
	f.profile = uint64(n)
	if n > 4 {
		f.profile |= uint64(mac[4]) << 8
	}
	return f
}

func (f found) load() []of.Action {
	return []of.Action{load(regProfile, f.profile), load(regOut, f.out)}
}
