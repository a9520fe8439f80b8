package tracing

import (
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// Policy is the model's verdict on one leg.
type Policy struct {
	Verdict inquiry.Verdict `json:"verdict"`
	Reason  string          `json:"reason"`
	Group   *string         `json:"group"`
	Rule    *string         `json:"rule"`
	Clause  *clauseJSON     `json:"clause"`  // what of the rule fits the packet
	Because []Because       `json:"because"` // what makes the NIC egress-restricted, where no rule lets the packet out
	Nearest *nearestJSON    `json:"nearest"` // the rule that comes closest, where none allows the packet
	Detail  string          `json:"detail"`
}

// Because says what makes a NIC egress-restricted: a group, and the rule
// that does it if the group's policy is auto.
type Because struct {
	Group string  `json:"group"`
	Rule  *string `json:"rule"`
}

type clauseJSON struct {
	Group   *string `json:"group"`
	Member  *string `json:"member"` // the member address that is the remote's
	CIDR    *string `json:"cidr"`
	Service string  `json:"service"`
}

type nearestJSON struct {
	Group   string   `json:"group"`
	Rule    string   `json:"rule"`
	Differs []string `json:"differs"`
}

// Reasons of the state of a connection, beside those of verdict.
const (
	reasonEstablished = "established"
	reasonRelated     = "related"
)

// judge is the model's verdict on one end's leg.
func (w *path) judge(s *secgroup.Snapshot, n *secgroup.NIC, d secgroup.Direction) Policy {
	decide := verdict.Ingress
	if d == secgroup.Egress {
		decide = verdict.Egress
	}
	decision := decide(s, n, w.packet)
	if w.state != inquiry.New && judged(decision) {
		return w.judgeLater(s)
	}
	out := Policy{Verdict: inquiry.Deny, Reason: string(decision.Reason), Because: []Because{}}
	if decision.Allow {
		out.Verdict = inquiry.Allow
	}
	switch decision.Reason {
	case verdict.ReasonRule:
		out.showRule(s, n, decision.Rule, w.packet, d)
	case verdict.ReasonNoRule:
		out.showLack(s, n, w.packet, d)
		if d == secgroup.Ingress && w.passesAsReply(s) {
			out.Detail += bothEndsSend
		}
	case verdict.ReasonUnrestricted:
		out.Detail = "nothing restricts the NIC's egress"
	case verdict.ReasonSpoofed:
		out.Detail = fmt.Sprintf("%s is not the NIC's to send from", w.packet.Src)
	case verdict.ReasonEnforcementOff:
		out.Detail = "the platform took the NIC out of filtering"
	case verdict.ReasonNotReady:
		out.Detail = "the NIC's network or its account's default group is absent"
	case verdict.ReasonBaseline:
		out.Detail = "the operator opened this service to every NIC"
	case verdict.ReasonInvalid:
		out.Detail = invalidDetail(w.packet)
	case verdict.ReasonGuard:
		out.Detail = "decided by the guard, whatever the rules say"
	}
	return out
}

// bothEndsSend is the limit that semantics.md §3 states.
const bothEndsSend = "; both-ends-send: while this NIC itself sends to the other with the same ports, which nothing restricts, the switch takes the packet for its reply"

// passesAsReply tells whether a packet that no rule lets in gets in all the same
// once the receiving NIC sends the like: its egress is allowed, so that its own end
// knows a connection, although the other end refuses it as well. Within a host the
// two ends know of each other. TCP begins with a SYN, and an ICMP request is no
// answer to another.
func (w *path) passesAsReply(s *secgroup.Snapshot) bool {
	p := w.packet
	switch {
	case w.src == nil || w.dst == nil, w.oneHost, p.Proto == packet.ProtoTCP, p.Proto == packet.ProtoICMP, p.Proto == packet.ProtoICMPv6:
		return false
	}
	p = p.Reversed()
	egress, ingress := verdict.Egress(s, w.dst, p), verdict.Ingress(s, w.src, p)
	return egress.Allow && judged(egress) && !ingress.Allow
}

// judged tells whether a decision depends on the state of the connection: the
// guard's does not.
func judged(d verdict.Decision) bool {
	switch d.Reason {
	case verdict.ReasonRule, verdict.ReasonNoRule, verdict.ReasonUnrestricted, verdict.ReasonBaseline, verdict.ReasonInvalid:
		return true
	default:
		return false
	}
}

// invalidDetail says what connection tracking has against an ICMP message that
// belongs to no connection.
func invalidDetail(p packet.Tuple) string {
	switch secgroup.ICMPClassOf(secgroup.FamilyOf(p.Src), p.ICMPType) {
	case secgroup.ICMPReply:
		return "an answer that nothing asked for is dropped whatever the rules say; where it answers an open request it passes without one"
	case secgroup.ICMPError:
		return "an error about no open connection is dropped whatever the rules say; where it is about one it passes without one"
	default:
		return fmt.Sprintf("connection tracking knows this request with code 0 only: with code %d it is dropped whatever the rules say", p.ICMPCode)
	}
}

// judgeLater is the verdict on a packet of a connection that is open: it passes
// without a rule. Whether the connection may be open is another question.
func (w *path) judgeLater(s *secgroup.Snapshot) Policy {
	out := Policy{Verdict: inquiry.Allow, Reason: reasonEstablished, Because: []Because{}, Detail: "what belongs to an open connection passes without a rule"}
	switch w.state {
	case inquiry.Related:
		out.Reason = reasonRelated
	case inquiry.Invalid:
		out.Verdict, out.Reason, out.Detail = inquiry.Deny, string(verdict.ReasonInvalid), "what connection tracking makes no sense of is dropped"
		return out
	default: // rules have a say
	}
	if !w.connectionAllowed(s) {
		out.Detail += "; but such a connection cannot be opened now, and an open one is cut"
	}
	return out
}

// connectionAllowed tells whether the connection may be opened.
func (w *path) connectionAllowed(s *secgroup.Snapshot) bool {
	src, dst := w.src, w.dst
	if w.packet.Src != w.first.Src {
		src, dst = dst, src
	}
	_, _, allow := verdict.Decide(s, src, dst, w.first)
	return allow
}

// showRule names the rule that allows a packet and what of it fits.
func (p *Policy) showRule(s *secgroup.Snapshot, n *secgroup.NIC, ref secgroup.RuleRef, packet packet.Tuple, d secgroup.Direction) {
	as := naming{s, n.Account}
	group := ref.Group.Within(n.Account)
	p.Group, p.Rule = &group, &ref.ID
	r := s.Group(ref.Group).Rule(ref.ID)
	p.Clause = &clauseJSON{Service: verdict.ServiceText(r)}
	if r.RemoteCIDR.IsValid() {
		cidr := r.RemoteCIDR.String()
		p.Clause.CIDR = &cidr
	}
	if r.RemoteGroup != (secgroup.GroupRef{}) {
		member := packet.Src.String()
		if d == secgroup.Egress {
			member = packet.Dst.String()
		}
		remote := as.remote(r.RemoteGroup)
		p.Clause.Group, p.Clause.Member = &remote, &member
	}
	p.Detail = fmt.Sprintf("%s with %s", verdict.ServiceText(r), as.peer(r))
}

// showLack says why no rule allows a packet.
func (p *Policy) showLack(s *secgroup.Snapshot, n *secgroup.NIC, packet packet.Tuple, d secgroup.Direction) {
	as := naming{s, n.Account}
	var details []string
	if d == secgroup.Egress {
		for _, g := range verdict.Restricting(s, n) {
			b := Because{Group: g.Within(n.Account), Rule: strictjson.TextOrNull(secgroup.RestrictingRule(s.Group(g)))}
			p.Because = append(p.Because, b)
			if b.Rule != nil {
				details = append(details, fmt.Sprintf("egress is restricted by rule %s of group %s", *b.Rule, as.group(g)))
			} else {
				details = append(details, fmt.Sprintf("egress is restricted by group %s", as.group(g)))
			}
		}
	}
	if near, ok := verdict.Nearest(s, n, d, packet); ok {
		p.Nearest = &nearestJSON{Group: near.Rule.Group.Within(n.Account), Rule: near.Rule.ID, Differs: []string{}}
		for _, x := range near.Differs {
			r := s.Group(near.Rule.Group).Rule(near.Rule.ID)
			p.Nearest.Differs = append(p.Nearest.Differs, strings.Replace(x.Text, verdict.PeerText(r), as.peer(r), 1))
		}
		details = append(details, fmt.Sprintf("nearest is rule %s of group %s: %s", near.Rule.ID, as.group(near.Rule.Group), strings.Join(p.Nearest.Differs, ", ")))
	} else {
		details = append(details, fmt.Sprintf("the NIC's groups have no %s rules", d))
	}
	p.Detail = strings.Join(details, "; ")
}
