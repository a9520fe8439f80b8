package plan_test

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/verdict"
)

// Whatever a random change lets pass or stops, by the verdict on packets at the
// edges of its rules, is in the diff.
func TestAccessDiffMissesNothing(t *testing.T) {
	t.Parallel()
	flips := 0
	for seed := range uint64(40) {
		g := policytest.Seeded(seed, policytest.Options{})
		before := policytest.Load(g.Policy())
		for range 15 {
			after := policytest.Load(slices.Collect(objects(before)))
			var name string
			var changes []secgroup.Change
			for range 1 + g.IntN(2) {
				n, more := g.Step(after)
				after, _ = after.With(after.Revision()+1, more)
				name, changes = name+" "+n, append(changes, more...)
			}
			diff := plan.DiffAccess(before, after, changes)
			for range 60 {
				s := []*secgroup.Snapshot{before, after}[g.IntN(2)]
				c, ok := g.Packet(s)
				if !ok {
					break
				}
				for _, end := range []struct {
					nic       *secgroup.NIC
					direction secgroup.Direction
					judge     func(verdict.Policy, *secgroup.NIC, packet.Tuple) verdict.Decision
				}{{c.Src, secgroup.Egress, verdict.Egress}, {c.Dst, secgroup.Ingress, verdict.Ingress}} {
					if end.nic == nil || before.NIC(end.nic.ID) == nil || after.NIC(end.nic.ID) == nil {
						continue
					}
					was, is := end.judge(before, before.NIC(end.nic.ID), c.Packet), end.judge(after, after.NIC(end.nic.ID), c.Packet)
					if was.Allow == is.Allow || !ofGroups(was) || !ofGroups(is) {
						continue
					}
					flips++
					list, holds := diff.Allowed, after
					if was.Allow {
						list, holds = diff.Denied, before
					}
					if !diff.More && !slices.ContainsFunc(list, func(a plan.Access) bool {
						return a.Direction == end.direction && concerns(a, holds, end.nic.ID) && matches(a, holds, end.nic.ID, c.Packet)
					}) {
						t.Fatalf("seed %d,%s: %s of %s: %+v was %v, is %v\nallowed %+v\ndenied %+v", seed, name, end.direction, end.nic.ID, c.Packet, was, is, diff.Allowed, diff.Denied)
					}
				}
			}
			before = after
		}
	}
	if flips < 400 {
		t.Errorf("only %d verdicts changed: the test shows little", flips)
	}
}

func objects(s *secgroup.Snapshot) func(func(secgroup.Change) bool) {
	return func(yield func(secgroup.Change) bool) {
		for o := range s.Objects() {
			if !yield(secgroup.Put(o)) {
				return
			}
		}
	}
}

// ofGroups reports whether a decision rests on groups.
func ofGroups(d verdict.Decision) bool {
	return slices.Contains([]verdict.Reason{verdict.ReasonRule, verdict.ReasonUnrestricted, verdict.ReasonNoRule, verdict.ReasonEnforcementOff}, d.Reason)
}

func concerns(a plan.Access, s *secgroup.Snapshot, nic string) bool {
	return a.NIC == nic || a.NIC == "" && s.Judges(a.Group, s.NIC(nic))
}

// matches reports whether a packet is what an access says.
func matches(a plan.Access, s *secgroup.Snapshot, nic string, p packet.Tuple) bool {
	peer := p.Src
	if a.Direction == secgroup.Egress {
		peer = p.Dst
	}
	protocols := map[secgroup.Protocol][]uint8{secgroup.ProtocolTCP: {6}, secgroup.ProtocolUDP: {17}, secgroup.ProtocolICMP: {1, 58}}
	switch numbers := protocols[a.Service.Protocol]; {
	case a.Service.Family != secgroup.FamilyAny && a.Service.Family != secgroup.FamilyOf(p.Src):
		return false
	case a.Service.Protocol == secgroup.ProtocolAll:
	case numbers == nil && string(a.Service.Protocol) != strconv.Itoa(int(p.Proto)):
		return false
	case numbers != nil && !slices.Contains(numbers, p.Proto):
		return false
	case a.Service.PortMax > 0 && (p.DstPort < a.Service.PortMin || p.DstPort > a.Service.PortMax):
		return false
	case a.Service.ICMPType.Set && a.Service.ICMPType.Value != p.ICMPType || a.Service.ICMPCode.Set && a.Service.ICMPCode.Value != p.ICMPCode:
		return false
	}
	domain := s.Domain(s.NIC(nic))
	members := map[string]bool{}
	for _, m := range s.Members(a.Remote.Group) {
		if m.Domain == domain && m.Address == peer {
			members[m.NIC] = true
		}
	}
	switch {
	case a.Remote.CIDR.IsValid() && !a.Remote.CIDR.Contains(peer):
		return false
	case a.RemoteNIC != "":
		return members[a.RemoteNIC]
	}
	return a.Remote.Group == secgroup.GroupRef{} || len(members) > 0
}

// What a diff lists is exact where one rule does it alone.
func TestAccessDiffOfOneChange(t *testing.T) {
	t.Parallel()
	web, db := secgroup.GroupRef{Account: "a", ID: "web"}, secgroup.GroupRef{Account: "a", ID: "db"}
	rule := func(id string, low, high uint16, remote secgroup.GroupRef) secgroup.Rule {
		return secgroup.Rule{ID: id, Direction: secgroup.Ingress, Family: secgroup.FamilyAny, Protocol: secgroup.ProtocolTCP, PortMin: low, PortMax: high, RemoteGroup: remote, Enabled: true}
	}
	group := func(ref secgroup.GroupRef, rules ...secgroup.Rule) *secgroup.Group {
		return &secgroup.Group{GroupRef: ref, Name: ref.ID, EgressPolicy: secgroup.EgressAuto, NetworkScope: secgroup.ScopeAny, Rules: rules}
	}
	nic := func(id string) *secgroup.NIC { return &secgroup.NIC{ID: id, Account: "a", Network: "n"} }
	s := policytest.Load([]secgroup.Change{
		secgroup.Put(&secgroup.Account{ID: "a"}), secgroup.Put(&secgroup.Network{ID: "n", RoutingDomain: "d"}),
		secgroup.Put(group(web)), secgroup.Put(group(db, rule("r", 100, 200, web))), secgroup.Put(nic("w")), secgroup.Put(nic("d1")), secgroup.Put(nic("d2")),
		secgroup.Put(&secgroup.Attachment{Group: web, NIC: "w"}), secgroup.Put(&secgroup.Attachment{Group: db, NIC: "d1"}), secgroup.Put(&secgroup.Attachment{Group: db, NIC: "d2"}),
	})
	show := func(all []plan.Access) (out map[string]int) {
		out = map[string]int{}
		for _, a := range all {
			out[a.Group.ID+a.NIC+" "+string(a.Direction)+" "+string(a.Service.Protocol)+" "+strconv.Itoa(int(a.Service.PortMin))+"-"+strconv.Itoa(int(a.Service.PortMax))+" "+a.Remote.Group.ID]++
		}
		return out
	}
	for name, tt := range map[string]struct {
		change          secgroup.Change
		allowed, denied []string
	}{
		"wider ports":      {secgroup.Put(group(db, rule("r", 90, 210, web))), []string{"db ingress tcp 90-99 web", "db ingress tcp 201-210 web"}, nil},
		"narrower ports":   {secgroup.Put(group(db, rule("r", 150, 200, web))), nil, []string{"db ingress tcp 100-149 web"}},
		"a wider remote":   {secgroup.Put(group(db, rule("r", 100, 200, secgroup.GroupRef{}))), []string{"db ingress tcp 100-200 "}, nil},
		"a rule like one":  {secgroup.Put(group(db, rule("q", 120, 130, web), rule("r", 100, 200, web))), nil, nil},
		"one NIC detached": {secgroup.Delete(secgroup.AttachmentKey(secgroup.Attachment{Group: db, NIC: "d2"})), nil, []string{"d2 ingress tcp 100-200 web", "d2 egress all 0-0 "}},
	} {
		changes := []secgroup.Change{tt.change}
		after, _ := s.With(2, changes)
		d := plan.DiffAccess(s, after, changes)
		for what, side := range map[string]struct {
			got  []plan.Access
			want []string
		}{"allowed": {d.Allowed, tt.allowed}, "denied": {d.Denied, tt.denied}} {
			if got := slices.Sorted(maps.Keys(show(side.got))); !slices.Equal(got, slices.Sorted(slices.Values(side.want))) {
				t.Errorf("%s: %s %q, want %q", name, what, got, side.want)
			}
		}
	}
}
