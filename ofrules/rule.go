package ofrules

import (
	"net/netip"
	"strconv"

	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
)

// ruleInput is all that the flows of one rule in one profile depend on.
type ruleInput struct {
	rule       secgroup.Rule
	number     uint32   // of the rule
	profile    uint32   // number of the profile
	label      uint32   // number of the remote group, if the rule names one
	composites []uint32 // composite labels that contain it
	chunk      uint16   // see chunks
}

// service is one term set that matches (part of) a rule's protocol and ports.
type service []of.Term

// ruleParts compiles one rule for one profile:
//
//	remote            every protocol                some service
//	everything        any table: accept             any table: accept
//	group or cidr     rules table: accept           remote 1/2, service 2/2
//	group and cidr    group 1/2, cidr 2/2           group 1/3, cidr 2/3, service 3/3
//
// The last column of a conjunction ends in the rule's conj_id flow, which all
// profiles share (acceptPart).
func ruleParts(in ruleInput) []part {
	st := stageOf(in.rule.Direction)
	services := services(in.rule)
	cidr := in.rule.RemoteCIDR
	everything := cidr.IsValid() && cidr.Bits() == 0
	if everything {
		cidr = netip.Prefix{} // the family of the rule says the rest
	}
	group := in.rule.RemoteGroup != secgroup.GroupRef{}

	var parts []part
	accept := func(table uint8, prio uint16, terms ...of.Term) {
		parts = append(parts, part{
			key:    key(table, prio, append(terms, regProfile.Is(uint64(in.profile)))...),
			cookie: cookie(KindRule, in.number),
			acts:   admit(in.number, st.accept),
		})
	}
	if !group && !cidr.IsValid() {
		for _, s := range services {
			accept(st.any, prioClause, s...)
		}
		return parts
	}

	all := in.rule.Protocol == secgroup.ProtocolAll
	anyFamily := len(families(in.rule)) == 2
	var remotes [][][]of.Term // per clause, the term sets of which one must match
	if group {
		remotes = append(remotes, labelTerms(in.label, in.composites))
	}
	if cidr.IsValid() {
		remotes = append(remotes, [][]of.Term{{etherType(cidr.Addr()), st.remote(cidr)}})
	}
	if all && len(remotes) == 1 {
		for _, r := range remotes[0] {
			switch {
			case cidr.IsValid() || anyFamily:
				accept(st.rules, prioDirect, r...)
			default:
				for _, s := range services { // the family alone
					accept(st.rules, prioDirect, append(s, r...)...)
				}
			}
		}
		return parts
	}

	clauses := len(remotes)
	if !all {
		clauses++
	} else if !anyFamily && !cidr.IsValid() {
		clauses++
	}
	clause := func(n int, terms []of.Term) {
		parts = append(parts, part{
			key:    key(st.rules, prioClause-in.chunk, append(terms, regProfile.Is(uint64(in.profile)))...),
			clause: of.Conjunction{ID: in.number, Clause: uint8(n), Of: uint8(clauses)},
			cookie: cookie(KindClause, in.profile),
		})
	}
	for i, sets := range remotes {
		for _, terms := range sets {
			clause(i+1, terms)
		}
	}
	if clauses > len(remotes) {
		for _, s := range services {
			clause(clauses, s)
		}
	}
	return parts
}

// needsConjunction tells whether a rule compiles to a conjunction.
func needsConjunction(r secgroup.Rule) bool {
	group := r.RemoteGroup != secgroup.GroupRef{}
	cidr := r.RemoteCIDR.IsValid() && r.RemoteCIDR.Bits() > 0
	if group && cidr {
		return true
	}
	return (group || cidr) && r.Protocol != secgroup.ProtocolAll
}

// acceptPart is the end of a rule's conjunction.
func acceptPart(d secgroup.Direction, number uint32) part {
	st := stageOf(d)
	return part{
		key:    key(st.rules, prioConjID, of.ConjID.Is(uint64(number))),
		cookie: cookie(KindRule, number),
		acts:   admit(number, st.accept),
	}
}

// admit notes who admitted and goes on to the table that commits.
func admit(mark uint32, accept uint8) of.Actions {
	return of.MustActions(load(regRule, uint64(mark)), of.Goto{Table: accept})
}

// labelTerms matches a label in whichever register the address table put it;
// composite labels stand in the last one only.
func labelTerms(label uint32, composites []uint32) [][]of.Term {
	sets := make([][]of.Term, 0, labelRegisters+len(composites))
	for r := regLabel; r <= regLabelN; r++ {
		sets = append(sets, []of.Term{r.Is(uint64(label))})
	}
	for _, c := range composites {
		sets = append(sets, []of.Term{regLabelN.Is(uint64(c))})
	}
	return sets
}

// services returns the term sets that together match a rule's family, protocol,
// port range and ICMP type: disjoint, one flow each.
func services(r secgroup.Rule) []service {
	var out []service
	add := func(all ...service) {
		for _, s := range all {
			out = append(out, forFragments(s)...)
		}
	}
	for _, v6 := range families(r) {
		eth := of.EthType.Is(of.EthTypeIPv4)
		if v6 {
			eth = of.EthType.Is(of.EthTypeIPv6)
		}
		switch r.Protocol {
		case secgroup.ProtocolAll:
			add(service{eth})
		case secgroup.ProtocolTCP:
			add(portServices(r, eth, of.IPProto.Is(of.ProtoTCP), of.TCPDst)...)
		case secgroup.ProtocolUDP:
			add(portServices(r, eth, of.IPProto.Is(of.ProtoUDP), of.UDPDst)...)
		case secgroup.ProtocolICMP:
			add(icmpService(r, eth, v6))
		default:
			n, _ := strconv.ParseUint(string(r.Protocol), 10, 8)
			add(service{eth, of.IPProto.Is(n)})
		}
	}
	return out
}

func portServices(r secgroup.Rule, eth, proto of.Term, dst of.Field) []service {
	lo, hi := r.PortMin, r.PortMax
	if lo == 0 {
		return []service{{eth, proto}}
	}
	if hi == 0 {
		hi = lo
	}
	var out []service
	for _, m := range portMasks(lo, hi) {
		out = append(out, service{eth, proto, dst.IsMasked(uint64(m.value), uint64(m.mask))})
	}
	return out
}

func icmpService(r secgroup.Rule, eth of.Term, v6 bool) service {
	typ, code, proto := of.ICMPType, of.ICMPCode, of.IPProto.Is(of.ProtoICMP)
	if v6 {
		typ, code, proto = of.ICMPv6Type, of.ICMPv6Code, of.IPProto.Is(of.ProtoICMPv6)
	}
	s := service{eth, proto}
	if r.ICMPType.Set {
		s = append(s, typ.Is(uint64(r.ICMPType.Value)))
	}
	if r.ICMPCode.Set {
		s = append(s, code.Is(uint64(r.ICMPCode.Value)))
	}
	return s
}

// families returns the families a rule acts on: false for IPv4, true for IPv6.
func families(r secgroup.Rule) []bool {
	if r.RemoteCIDR.IsValid() {
		return []bool{r.RemoteCIDR.Addr().Is6()}
	}
	switch r.Family {
	case secgroup.FamilyIPv4:
		return []bool{false}
	case secgroup.FamilyIPv6:
		return []bool{true}
	default:
		return []bool{false, true}
	}
}
