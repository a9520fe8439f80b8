package policytest

import (
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// Step draws one mutation of a policy as one store revision would hold it, and
// its name. A mutation may take several changes: a deleted group takes its
// attachments and the rules that name it along.
func (g *Gen) Step(s *secgroup.Snapshot) (name string, changes []secgroup.Change) {
	for {
		step := steps[g.weighted(weights...)]
		if changes := step.draw(g, s); len(changes) > 0 {
			return step.name, changes
		}
	}
}

type step struct {
	name   string
	weight int
	draw   func(*Gen, *secgroup.Snapshot) []secgroup.Change // nil if not applicable
}

var steps = []step{
	{"rule added", 12, (*Gen).addRule},
	{"rule removed", 10, (*Gen).removeRule},
	{"rule changed", 10, (*Gen).changeRule},
	{"rule switched", 4, (*Gen).switchRule},
	{"rules replaced", 2, (*Gen).replaceRules},
	{"group attached", 14, (*Gen).attach},
	{"group detached", 12, (*Gen).detach},
	{"group added", 3, (*Gen).addGroup},
	{"group deleted", 3, (*Gen).deleteGroup},
	{"egress policy changed", 4, (*Gen).changePolicy},
	{"scope changed", 5, (*Gen).changeScope},
	{"nic added", 8, (*Gen).addNIC},
	{"nic deleted", 6, (*Gen).deleteNIC},
	{"nic readdressed", 8, (*Gen).readdressNIC},
	{"nic moved", 4, (*Gen).moveNIC},
	{"allowed addresses changed", 5, (*Gen).changeAllowed},
	{"enforcement switched", 3, (*Gen).switchEnforcement},
	{"network changed", 3, (*Gen).changeNetwork},
	{"instance deleted", 1, (*Gen).deleteInstance},
	{"instance added", 2, (*Gen).addInstance},
	{"baseline changed", 1, (*Gen).changeBaseline},
}

var weights = func() []int {
	w := make([]int, len(steps))
	for i, s := range steps {
		w[i] = s.weight
	}
	return w
}()

// anyGroup draws a group, nil if there is none.
func (g *Gen) anyGroup(s *secgroup.Snapshot) *secgroup.Group {
	group, _ := pickOr(g, s.Groups(pick(g, accounts)))
	return group
}

// editGroup draws a group and puts a copy that edit changed; edit may decline.
func (g *Gen) editGroup(s *secgroup.Snapshot, edit func(*secgroup.Group) bool) []secgroup.Change {
	old := g.anyGroup(s)
	if old == nil {
		return nil
	}
	group := *old
	group.Rules = slices.Clone(old.Rules)
	if !edit(&group) {
		return nil
	}
	group.Sort()
	return []secgroup.Change{secgroup.Put(&group)}
}

func (g *Gen) addRule(s *secgroup.Snapshot) []secgroup.Change {
	return g.editGroup(s, func(group *secgroup.Group) bool {
		group.Rules = append(group.Rules, g.rule(s, group.GroupRef, g.id("r")))
		return true
	})
}

func (g *Gen) removeRule(s *secgroup.Snapshot) []secgroup.Change {
	return g.editGroup(s, func(group *secgroup.Group) bool {
		if len(group.Rules) == 0 {
			return false
		}
		i := g.IntN(len(group.Rules))
		group.Rules = slices.Delete(group.Rules, i, i+1)
		return true
	})
}

// changeRule keeps the rule's id and draws its service or remote anew.
func (g *Gen) changeRule(s *secgroup.Snapshot) []secgroup.Change {
	return g.editGroup(s, func(group *secgroup.Group) bool {
		if len(group.Rules) == 0 {
			return false
		}
		r := &group.Rules[g.IntN(len(group.Rules))]
		switch g.IntN(3) {
		case 0:
			g.service(r)
		case 1:
			g.remote(s, group.GroupRef, r)
		case 2:
			*r = g.rule(s, group.GroupRef, r.ID)
		}
		r.Normalize()
		return len(r.Validate()) == 0
	})
}

func (g *Gen) switchRule(s *secgroup.Snapshot) []secgroup.Change {
	return g.editGroup(s, func(group *secgroup.Group) bool {
		if len(group.Rules) == 0 {
			return false
		}
		r := &group.Rules[g.IntN(len(group.Rules))]
		r.Enabled = !r.Enabled
		return true
	})
}

func (g *Gen) replaceRules(s *secgroup.Snapshot) []secgroup.Change {
	return g.editGroup(s, func(group *secgroup.Group) bool {
		group.Rules = nil
		for range g.IntN(5) {
			group.Rules = append(group.Rules, g.rule(s, group.GroupRef, g.id("r")))
		}
		return true
	})
}

func (g *Gen) changePolicy(s *secgroup.Snapshot) []secgroup.Change {
	return g.editGroup(s, func(group *secgroup.Group) bool {
		old := group.EgressPolicy
		group.EgressPolicy = g.egressPolicy()
		return group.EgressPolicy != old
	})
}

func (g *Gen) changeScope(s *secgroup.Snapshot) []secgroup.Change {
	return g.editGroup(s, func(group *secgroup.Group) bool {
		g.scope(group)
		return true
	})
}

func (g *Gen) addGroup(s *secgroup.Snapshot) []secgroup.Change {
	ref := secgroup.GroupRef{Account: pick(g, accounts), ID: g.id("g")}
	group := g.group(ref, false)
	for range g.IntN(4) {
		group.Rules = append(group.Rules, g.rule(s, ref, g.id("r")))
	}
	group.Sort()
	return []secgroup.Change{secgroup.Put(group)}
}

// deleteGroup cascades: the attachments and the rules that name the group go with it.
func (g *Gen) deleteGroup(s *secgroup.Snapshot) []secgroup.Change {
	group := g.anyGroup(s)
	if group == nil || group.IsDefault || len(s.Groups(group.Account)) < 3 {
		return nil
	}
	changes := []secgroup.Change{secgroup.Delete(group.Key())}
	for _, a := range s.AttachmentsOfGroup(group.GroupRef) {
		changes = append(changes, secgroup.Delete(secgroup.AttachmentKey(a)))
	}
	var done []secgroup.GroupRef
	for _, ref := range s.RulesReferencing(group.GroupRef) {
		if ref.Group == group.GroupRef || slices.Contains(done, ref.Group) {
			continue
		}
		done = append(done, ref.Group)
		without := *s.Group(ref.Group)
		without.Rules = slices.DeleteFunc(slices.Clone(without.Rules), func(r secgroup.Rule) bool {
			return r.RemoteGroup == group.GroupRef
		})
		changes = append(changes, secgroup.Put(&without))
	}
	g.Shuffle(len(changes), func(i, j int) { changes[i], changes[j] = changes[j], changes[i] })
	return changes
}
