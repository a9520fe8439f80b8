package tracing

import (
	"cmp"
	"fmt"
	"net/netip"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// path is a packet with the NICs at its ends, as the policy has them at one
// revision. For replies and related packets it is that of the answering end.
type path struct {
	src, dst *secgroup.NIC // nil: no NIC of ours
	packet   packet.Tuple
	state    inquiry.State
	first    packet.Tuple // of the connection; the same for a new one
	revision int64
	// oneSegment: no router is between the ends, which are both NICs.
	oneSegment bool
	// absent says of an end that is no NIC of ours which it was; "" if it was none.
	absent string
	// oneHost: they are plugged at one host, and in one segment.
	oneHost bool
}

// resolve finds the ends of a trace. Ends that an account names are its own;
// an address may turn out to be another's NIC.
func (spec *Spec) resolve(s *secgroup.Snapshot, account string, g *nicsGone) (*path, error) {
	r := &strictjson.Reader{}
	src, dst := namedEnd(r, s, account, spec.Source, g), namedEnd(r, s, account, spec.Destination, g)
	if src == nil && dst == nil && len(r.Faults) == 0 {
		src, dst = ownedEnds(r, s, account, spec, g)
	}
	if len(r.Faults) > 0 {
		return nil, r.Faults
	}
	w := &path{src: src, dst: dst, packet: spec.Packet, state: spec.State, revision: s.Revision()}
	if src != nil && dst != nil && s.Domain(src) != s.Domain(dst) {
		r.Invalid(spec.Destination.At, fmt.Sprintf("NIC %s is in another routing domain than %s: no packet goes from one to the other", dst.ID, src.ID))
		return nil, r.Faults
	}
	var ok bool
	if w.packet.Src, w.packet.Dst, ok = spec.addresses(src, dst); !ok {
		r.Invalid(spec.Destination.At, "the two ends have no addresses of one family")
		return nil, r.Faults
	}
	spec.protocolOf(&w.packet)
	if src == nil {
		w.src = ownerOf(s, dst, w.packet.Src)
	}
	if dst == nil {
		w.dst = ownerOf(s, src, w.packet.Dst)
	}
	switch {
	case w.src == nil:
		w.absent = g.at(s, s.Domain(w.dst), w.packet.Src)
	case w.dst == nil:
		w.absent = g.at(s, s.Domain(w.src), w.packet.Dst)
	}
	w.oneSegment = w.src != nil && w.dst != nil && s.SegmentOf(w.src) == s.SegmentOf(w.dst)
	w.first = w.packet
	w.turn()
	w.track()
	return w, nil
}

// namedEnd looks up an end that is given as a NIC.
func namedEnd(r *strictjson.Reader, s *secgroup.Snapshot, account string, e End, g *nicsGone) *secgroup.NIC {
	if e.NIC == "" {
		return nil
	}
	n := s.NIC(e.NIC)
	if n == nil || n.Account != account {
		r.Invalid(e.At+"/nic", because("there is no such NIC", g.named(s, e.NIC)))
		return nil
	}
	return n
}

// ownedEnds finds the account's NIC among two ends that are addresses, if it is only
// one: an address may be used in several routing domains.
func ownedEnds(r *strictjson.Reader, s *secgroup.Snapshot, account string, spec *Spec, g *nicsGone) (src, dst *secgroup.NIC) {
	var found []*secgroup.NIC
	isSource := false
	for _, n := range s.NICsOfAccount(account) {
		for _, a := range secgroup.MemberAddresses(n) {
			if a == spec.Source.Address || a == spec.Destination.Address {
				found, isSource = append(found, n), a == spec.Source.Address
			}
		}
	}
	switch {
	case len(found) == 0:
		was := cmp.Or(g.at(s, "", spec.Source.Address), g.at(s, "", spec.Destination.Address))
		r.Invalid(spec.Source.At, because("neither end is a NIC of the account", was))
	case len(found) == 2 && found[0] != found[1] && s.Domain(found[0]) == s.Domain(found[1]):
		return ownerOf(s, found[0], spec.Source.Address), ownerOf(s, found[0], spec.Destination.Address)
	case len(found) > 1:
		r.Invalid(spec.Source.At, "the addresses are those of several NICs of the account: name one")
	case isSource:
		return found[0], nil
	default:
		return nil, found[0]
	}
	return nil, nil
}

// because adds what explains it, if anything does.
func because(what, why string) string {
	if why == "" {
		return what
	}
	return what + ": " + why
}

// ownerOf is the NIC that has an address in another's routing domain.
func ownerOf(s *secgroup.Snapshot, near *secgroup.NIC, a netip.Addr) *secgroup.NIC {
	for _, n := range s.NICsByAddress(s.Domain(near), a) {
		if n != near {
			return n
		}
	}
	return nil
}

// addresses chooses the first pair of one family: those given, else those of
// the NICs.
func (spec *Spec) addresses(src, dst *secgroup.NIC) (a, b netip.Addr, ok bool) {
	for _, a := range spec.Source.candidates(src) {
		for _, b := range spec.Destination.candidates(dst) {
			if a.Is4() == b.Is4() && (spec.Family == "" || spec.Family == secgroup.FamilyOf(a)) {
				return a, b, true
			}
		}
	}
	return a, b, false
}

func (e *End) candidates(n *secgroup.NIC) []netip.Addr {
	switch {
	case e.Address.IsValid():
		return []netip.Addr{e.Address}
	case n == nil:
		return nil
	case len(n.Addresses) > 0:
		return n.Addresses
	}
	return []netip.Addr{n.MAC.LinkLocal()}
}

// protocolOf gives the packet the protocol's number in its family.
func (spec *Spec) protocolOf(p *packet.Tuple) {
	switch spec.Protocol {
	case secgroup.ProtocolTCP:
		p.Proto = packet.ProtoTCP
	case secgroup.ProtocolUDP:
		p.Proto = packet.ProtoUDP
	case secgroup.ProtocolICMP:
		p.Proto = packet.ProtoICMP
		if p.Is6() {
			p.Proto = packet.ProtoICMPv6
			if p.ICMPType == EchoRequest && p.ICMPCode == 0 {
				p.ICMPType = echoRequestV6
			}
		}
	default:
		p.Proto, _ = spec.Protocol.Number()
	}
}

// turn makes the packet the answering end's, if it is an answer: the reply, or
// the error that says that a port is closed (RFC 792, RFC 4443 §3.1).
func (w *path) turn() {
	if w.state != inquiry.Reply && w.state != inquiry.Related {
		return
	}
	w.src, w.dst = w.dst, w.src
	p := &w.packet
	*p = p.Reversed()
	v6 := p.Is6()
	switch {
	case w.state == inquiry.Related && v6:
		*p = packet.Tuple{Src: p.Src, Dst: p.Dst, Proto: packet.ProtoICMPv6, ICMPType: 1, ICMPCode: 4}
	case w.state == inquiry.Related:
		*p = packet.Tuple{Src: p.Src, Dst: p.Dst, Proto: packet.ProtoICMP, ICMPType: 3, ICMPCode: 3}
	case p.Proto == packet.ProtoICMPv6 && v6, p.Proto == packet.ProtoICMP && !v6:
		if reply, ok := secgroup.ICMPAnswer(secgroup.FamilyOf(p.Src), p.ICMPType); ok {
			p.ICMPType = reply
			return
		}
		for request := range 256 { // the answer itself may have been given
			if reply, ok := secgroup.ICMPAnswer(secgroup.FamilyOf(p.Src), uint8(request)); ok && reply == p.ICMPType {
				w.first.ICMPType = uint8(request)
			}
		}
	}
}

// track makes the state one that connection tracking can give the packet. What
// is judged for itself is always as good as the first of a connection, and nothing
// belongs to, or is about, what begins no connection.
func (w *path) track() {
	switch {
	case verdict.Stateless(w.packet):
		w.state = inquiry.New
	case w.state != inquiry.New && !verdict.Tracked(w.first):
		w.state = inquiry.Invalid
	}
}
