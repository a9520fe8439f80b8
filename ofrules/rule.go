package ofrules

import (
	"net/netip"
	"slices"

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
	byService  bool     // see ruleCounts
}

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

	if len(services) == 0 {
		return nil // of no family or protocol that there is
	}

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

	if in.byService {
		for _, s := range services {
			if slices.Contains(s, isFirst()) { // fragmentPipeline has them, of every service
				continue
			}
			parts = append(parts, part{
				key:    key(st.any, prioService, append(slices.Clip(s), regProfile.Is(uint64(in.profile)))...),
				cookie: cookie(KindProfile, in.profile),
				acts:   of.MustActions(of.Goto{Table: st.address}),
			})
		}
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
