package span

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

// TestAShareTellsOfNobodyElse: whatever the history, a share has of the policy what
// its NICs give a claim to, and nothing besides: NICs that are plugged and may be;
// their networks; groups that judge one of them, of another account only if they are
// attached to it; and members only of groups that an enabled rule of these names,
// as addresses in the NICs' own routing domains.
func TestAShareTellsOfNobodyElse(t *testing.T) {
	t.Parallel()
	foreign, refused := 0, 0
	for seed := range uint64(12) {
		h := newHistory(seed)
		for i := range 60 {
			what := h.step()
			for _, name := range hostNames {
				f, r, fault := h.tells(name)
				foreign, refused = foreign+f, refused+r
				if fault != "" {
					t.Fatalf("seed %d, step %d, %s: %s is told %s", seed, i, what, name, fault)
				}
			}
		}
	}
	if foreign == 0 || refused == 0 {
		t.Errorf("%d groups of other accounts, %d NICs that may not be there: too tame a history", foreign, refused)
	}
}

// tells says what a host is told and should not be, and counts groups of accounts
// that have no NIC there, and NICs that may not be there.
func (h *history) tells(name string) (foreign, refused int, fault string) {
	s := h.shares[name]
	accounts, domains, networks, judging := map[string]bool{}, map[string]bool{}, map[string]bool{}, map[secgroup.GroupRef]bool{}
	for id, n := range s.NICs {
		record := h.policy.NIC(id)
		if _, plugged := h.plugged[name][id]; !plugged || (record == nil) != (n.Record == nil) {
			return foreign, refused, "of NIC " + id
		}
		if record == nil {
			continue
		}
		if !record.MayBeAt(name) {
			refused++
			if told := (NIC{Record: &secgroup.NIC{ID: id, Hosts: record.Hosts}}); compare(told, n) != "" {
				return foreign, refused, fmt.Sprintf("of NIC %s, which may not be there: %+v", id, n)
			}
			continue
		}
		accounts[record.Account], networks[record.Network] = true, true
		if network := h.policy.Network(record.Network); network != nil {
			domains[network.RoutingDomain] = true
		}
		for _, e := range h.policy.EffectiveGroups(record) {
			judging[e.Group] = judging[e.Group] || record.Enforcement != secgroup.EnforcementOff
		}
	}
	for id := range s.Networks {
		if !networks[id] {
			return foreign, refused, "of network " + id
		}
	}
	named := map[secgroup.GroupRef]bool{}
	for ref, g := range s.Groups {
		if !judging[ref] || g.Name+g.Description != "" || g.Tags != nil || g.Shares != nil || g.Networks != nil {
			return foreign, refused, fmt.Sprintf("of group %v: %+v", ref, g)
		}
		if !accounts[ref.Account] {
			foreign++
			if !slices.ContainsFunc(h.policy.AttachmentsOfGroup(ref), func(a secgroup.Attachment) bool { return s.NICs[a.NIC].Record != nil }) {
				return foreign, refused, fmt.Sprintf("of %v, which is attached to no NIC there", ref)
			}
		}
		for _, r := range g.Rules {
			named[r.RemoteGroup] = named[r.RemoteGroup] || r.Enabled
		}
	}
	for ref, members := range s.Members {
		for domain, all := range members {
			for _, a := range all {
				if !named[ref] || !domains[domain] || !h.policy.IsMember(ref, domain, a) {
					return foreign, refused, fmt.Sprintf("that %v has member %v in %s", ref, a, domain)
				}
			}
		}
	}
	return foreign, refused, ""
}

// TestAForeignChangeCostsNothing: what concerns a few hosts is as much work however
// many others there are, and they get nothing; what concerns none is as much work as
// there are NICs in the change.
func TestAForeignChangeCostsNothing(t *testing.T) {
	t.Parallel()
	costs := map[string][]int{}
	sizes := []int{4, 40, 400}
	for _, hosts := range sizes {
		p := newPlant(hosts)
		changes := p.changes()
		for _, name := range slices.Sorted(maps.Keys(changes)) {
			change, before := changes[name], p.index.steps
			deltas := p.apply(change.does...)
			costs[name] = append(costs[name], p.index.steps-before)
			if got := slices.Sorted(maps.Keys(deltas)); !slices.Equal(got, change.concerns) {
				t.Errorf("%d hosts: %s: deltas for %v, want %v", hosts, name, got, change.concerns)
			}
		}
	}
	for name, cost := range costs {
		if cost[0] != cost[1] || cost[1] != cost[2] || cost[0] > 60 {
			t.Errorf("%s: %v steps with %v hosts", name, cost, sizes)
		}
	}
}

// TestTextsAreNoChange: what decides nothing at a host is not sent there.
func TestTextsAreNoChange(t *testing.T) {
	t.Parallel()
	p := newPlant(2)
	group := *p.policy.Group(plantGroup(0))
	group.Description, group.Name, group.Tags, group.Revision = "other", "other", map[string]string{"a": "b"}, 99
	group.Shares = []secgroup.Share{{Account: "friend", Attach: true}}
	group.Rules = slices.Clone(group.Rules)
	group.Rules[0].Description, group.Rules[0].Revision = "other", 99
	nic := *p.policy.NIC("local-0-0")
	nic.Revision = 99
	network := *p.policy.Network(plantNetwork(0))
	network.Revision = 99
	if deltas := p.apply(secgroup.Put(&group), secgroup.Put(&nic), secgroup.Put(&network), secgroup.Put(&secgroup.Baseline{Revision: 99})); len(deltas) > 0 {
		t.Errorf("deltas %+v", deltas)
	}
}
