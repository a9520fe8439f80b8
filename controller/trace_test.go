package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// ask puts a question to the host, as an API elsewhere does.
func ask[A any](r *rig, kind string, question any) A {
	r.t.Helper()
	body, err := json.Marshal(question)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	raw, err := r.store.Ask(ctx, hostName, kind, body)
	if err != nil {
		r.t.Fatal(err)
	}
	var a A
	if err := json.Unmarshal(raw, &a); err != nil {
		r.t.Fatal(err)
	}
	return a
}

// newRandomHost is a rig on which a random policy is in force, all its NICs plugged.
func newRandomHost(t *testing.T, seed uint64) (*rig, *policytest.Gen, *secgroup.Snapshot) {
	t.Helper()
	g := policytest.Seeded(seed, policytest.Options{Guard: seed%2 == 1})
	changes := g.Policy()
	s := policytest.Load(changes)
	r := newRig(t)
	r.uplink = "uplink"
	r.start()
	r.eventually(patience, "the bridge", func() string {
		if !slices.Contains(strings.Fields(r.ovs.Vsctl("list-br")), bridge) {
			return "none"
		}
		return ""
	})
	rev := r.write(changes...)
	r.ovs.AddPort(bridge, "uplink", 1, "")
	var all []string
	for i, n := range s.NICs() {
		r.ovs.AddPort(bridge, fmt.Sprintf("tap%d", 10+i), uint32(10+i), n.ID)
		all = append(all, n.ID)
	}
	r.applied(rev, all...)
	return r, g, s
}

// What the switch does with a packet, as traced, is what the policy says: leg by
// leg, within the host and over the uplink; and a rule that is named is one that
// allows it.
func TestTracesAgreeWithThePolicy(t *testing.T) {
	packets := 300
	if testing.Short() {
		packets = 30
	}
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r, g, s := newRandomHost(t, 3000+seed)
			for range packets {
				if c, ok := g.Packet(s); ok {
					r.compareTrace(s, c)
				}
			}
		})
	}
}

func (r *rig) compareTrace(s *secgroup.Snapshot, c policytest.Case) {
	r.t.Helper()
	q := inquiry.TraceQuestion{State: inquiry.New, Egress: c.Src != nil, Ingress: c.Dst != nil, Packet: c.Packet}
	if c.Src != nil {
		q.Source = c.Src.ID
	}
	if c.Dst != nil {
		q.Destination = c.Dst.ID
	}
	a := ask[inquiry.TraceAnswer](r, inquiry.KindTrace, q)
	egress, ingress, _ := verdict.Decide(s, c.Src, c.Dst, c.Packet)
	r.compareLeg(s, c, c.Src, secgroup.Egress, egress, a.Egress)
	r.compareLeg(s, c, c.Dst, secgroup.Ingress, ingress, a.Ingress)
}

func (r *rig) compareLeg(s *secgroup.Snapshot, c policytest.Case, n *secgroup.NIC, d secgroup.Direction, want *verdict.Decision, got *inquiry.Leg) {
	r.t.Helper()
	show := func() string { b, _ := json.MarshalIndent(got, "", " "); return fmt.Sprintf("%+v\n%s", c.Packet, b) }
	switch {
	case want == nil && got == nil:
		return
	case want == nil || got == nil:
		r.t.Fatalf("%s: leg %v, decision %v\n%s", d, got, want, show())
	case (got.Verdict == inquiry.Allow) != want.Allow || got.Verdict == inquiry.Unknown:
		r.t.Fatalf("%s: the policy says %+v\n%s", d, *want, show())
	case len(got.Unparsed) > 0 || len(got.Steps) == 0 || got.Reason == "":
		r.t.Fatalf("%s: an incomplete leg\n%s", d, show())
	}
	if got.Rule != nil {
		ref := secgroup.RuleRef{Group: secgroup.GroupRef{Account: got.Rule.Account, ID: got.Rule.Group}, ID: got.Rule.ID}
		if !slices.Contains(verdict.Allowing(s, n, d, c.Packet), ref) {
			r.t.Fatalf("%s: %v does not allow it\n%s", d, ref, show())
		}
	}
	reasons := map[verdict.Reason][]string{ // the switch cannot tell some apart
		verdict.ReasonRule: {"rule"}, verdict.ReasonUnrestricted: {"unrestricted"}, verdict.ReasonNoRule: {"no-rule"},
		verdict.ReasonEnforcementOff: {"enforcement-off"}, verdict.ReasonBaseline: {"baseline", "guard", "unrestricted"},
		verdict.ReasonGuard: {"guard", "spoofed", "baseline", "unrestricted"}, verdict.ReasonSpoofed: {"spoofed", "guard"},
		verdict.ReasonInvalid: {"ct-invalid"},
	}
	if !slices.Contains(reasons[want.Reason], got.Reason) {
		r.t.Errorf("%s: the policy's reason is %s\n%s", d, want.Reason, show())
	}
}

// TestTracesUnderAWatch: what looks at the drops of a NIC has flows of its own where
// packets end, and a trace gives the same reason for what they do as without.
func TestTracesUnderAWatch(t *testing.T) {
	r, _ := guarded(t, 1, 2)
	packets := map[string]packet.Tuple{
		"spoofed":                {Src: netip.MustParseAddr("10.9.9.9"), Dst: small.Address4(2), Proto: 6, SrcPort: 40000, DstPort: 80},
		"spoofed, IPv6":          {Src: netip.MustParseAddr("fd99::9"), Dst: netip.MustParseAddr("fd99::1"), Proto: 17, SrcPort: 40000, DstPort: 53},
		"spoofed link-local":     {Src: netip.MustParseAddr("fe80::7217"), Dst: netip.MustParseAddr("ff02::2"), Proto: 58, ICMPType: 133},
		"a DHCP server's answer": {Src: small.Address4(1), Dst: small.Address4(2), Proto: 17, SrcPort: 67, DstPort: 68},
		"no rule":                {Src: small.Address4(1), Dst: small.Address4(2), Proto: 6, SrcPort: 40000, DstPort: 81},
		"a rule":                 {Src: small.Address4(1), Dst: small.Address4(2), Proto: 6, SrcPort: 40000, DstPort: 80},
	}
	reasons := func() map[string]string {
		out := map[string]string{}
		for name, p := range packets {
			a := ask[inquiry.TraceAnswer](r, inquiry.KindTrace, inquiry.TraceQuestion{State: inquiry.New, Source: "a1", Destination: "a2", Egress: true, Ingress: true, Packet: p})
			for _, leg := range []*inquiry.Leg{a.Egress, a.Ingress} {
				if leg != nil {
					out[name] += string(leg.Verdict) + " " + leg.Reason + "; "
				}
			}
		}
		return out
	}
	want := reasons()
	r.drops(30, "a1", "a2")
	if r.watches() == 0 {
		t.Fatal("nothing looks")
	}
	if got := reasons(); !maps.Equal(got, want) {
		t.Errorf("while somebody looks: %v\nwithout: %v", got, want)
	}
}

// The other states of a connection: what belongs to one passes without a rule,
// from its own addresses only, and what belongs to none does not pass.
func TestTracesOfOtherStates(t *testing.T) {
	r, _, s := newRandomHost(t, 3001)
	var src, dst *secgroup.NIC
	for _, n := range s.NICs() {
		for _, m := range s.NICsOfNetwork(n.Network) {
			if n != m && n.Enforcement == secgroup.EnforcementOn && m.Enforcement == secgroup.EnforcementOn &&
				len(n.Addresses) > 0 && len(m.Addresses) > 0 && n.Addresses[0].Is4() && m.Addresses[0].Is4() {
				src, dst = n, m
			}
		}
	}
	if src == nil {
		t.Fatal("the policy has no two NICs in one network")
	}
	q := inquiry.TraceQuestion{Source: src.ID, Destination: dst.ID, Egress: true, Ingress: true,
		Packet: packet.Tuple{Src: src.Addresses[0], Dst: dst.Addresses[0], Proto: 6, SrcPort: 1, DstPort: 3}}
	for state, want := range map[inquiry.State][2]string{
		inquiry.Established: {"allow", "established"}, inquiry.Reply: {"allow", "established"},
		inquiry.Related: {"allow", "related"}, inquiry.Invalid: {"deny", "ct-invalid"},
	} {
		q.State = state
		a := ask[inquiry.TraceAnswer](r, inquiry.KindTrace, q)
		for _, leg := range []*inquiry.Leg{a.Egress, a.Ingress} {
			if got := [2]string{string(leg.Verdict), leg.Reason}; got != want {
				t.Errorf("%s: %v, want %v\n%+v", state, got, want, leg)
			}
		}
	}
	q.State, q.Packet.Src = inquiry.Established, src.Addresses[0].Next().Next().Next()
	if a := ask[inquiry.TraceAnswer](r, inquiry.KindTrace, q); a.Egress.Verdict != inquiry.Deny || a.Egress.Reason != "spoofed" {
		t.Errorf("a spoofed source: %+v", a.Egress)
	}
	r.ovs.Vsctl("del-port", bridge, fmt.Sprintf("tap%d", 10+slices.Index(s.NICs(), dst)))
	r.eventually(patience, "unplugged", func() string {
		a := ask[inquiry.TraceAnswer](r, inquiry.KindTrace, inquiry.TraceQuestion{Destination: dst.ID, Ingress: true, Packet: q.Packet, State: inquiry.New})
		if a.Ingress.Reason != "not-plugged" || a.Ingress.Verdict != inquiry.Deny {
			return fmt.Sprint(a.Ingress)
		}
		return ""
	})
}

// Questions that make no sense are refused, not guessed at.
func TestRefusesOddQuestions(t *testing.T) {
	r := newRig(t)
	r.start()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for kind, body := range map[string]string{
		"weather":               `{}`,
		inquiry.KindTrace:       `{"source":"nobody","egress":true}`,
		inquiry.KindFlows:       `{"cookie":"zzz"}`,
		inquiry.KindConnections: `[]`,
	} {
		var refusal *inquiry.AnswerError
		if raw, err := r.store.Ask(ctx, hostName, kind, json.RawMessage(body)); !errors.As(err, &refusal) {
			t.Errorf("%s %s is answered %s, %v", kind, body, raw, err)
		}
	}
}

// Where two interfaces claim a NIC, the one that has its flows is traced.
func TestTracesOfNICsPluggedTwice(t *testing.T) {
	r, _ := guarded(t, 1, 2)
	r.ovs.AddPort(bridge, "q1", 9, "a1")
	a := ask[inquiry.TraceAnswer](r, inquiry.KindTrace, inquiry.TraceQuestion{
		Source: "a1", Destination: "a2", Egress: true, Ingress: true, State: inquiry.New,
		Packet: packet.Tuple{Src: small.Address4(1), Dst: small.Address4(2), Proto: 6, SrcPort: 1, DstPort: 80},
	})
	if a.Egress.Verdict != inquiry.Allow || a.Ingress == nil || a.Ingress.Verdict != inquiry.Allow {
		t.Errorf("%+v %+v", a.Egress, a.Ingress)
	}
}
