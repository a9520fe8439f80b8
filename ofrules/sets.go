package ofrules

import (
	"strings"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// groupSet is a set of groups that judges local NICs, by one profile for all of them.
//
// The profile has the name of the NIC if there is but one, and that of the set otherwise. So
// what a NIC alone is judged by keeps its number, and its flows, when a group is attached to
// it or detached, and only what differs changes. A number never goes from one NIC, or from
// one set of several NICs, to another: a packet that ct() has under way goes on with the
// number that it has, and must not come by rules that its NIC was never under.
type groupSet struct {
	name    string
	groups  []secgroup.GroupRef // sorted
	nics    map[string]struct{} // that it judges
	profile *profile            // nil until syncProfiles
}

// joinSet has a set of groups, sorted, judge a NIC.
func (c *Compiler) joinSet(id string, groups []secgroup.GroupRef) *groupSet {
	name := setName(groups)
	set := c.shared.sets[name]
	if set == nil {
		set = &groupSet{name: name, groups: groups, nics: map[string]struct{}{}}
		c.shared.sets[name] = set
	}
	if _, there := set.nics[id]; !there {
		set.nics[id] = struct{}{}
		c.pending.sets[set] = struct{}{}
	}
	return set
}

// leaveSet undoes joinSet.
func (c *Compiler) leaveSet(id string, set *groupSet) {
	delete(set.nics, id)
	c.pending.sets[set] = struct{}{}
}

// setName is the name of a set of groups, sorted; unlike the id of a NIC it has a slash.
func setName(groups []secgroup.GroupRef) string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = groupName(g)
	}
	return strings.Join(names, " ")
}

func (s *groupSet) profileName() string {
	if len(s.nics) == 1 {
		for id := range s.nics {
			return id
		}
	}
	return s.name
}

// syncProfiles gives profiles to the sets whose NICs have changed. They are all taken
// before others are dropped, so that nothing that they share comes and goes.
func (c *Compiler) syncProfiles(s *span.Share) {
	left := map[*profile]struct{}{}
	for set := range c.pending.sets {
		if set.profile != nil {
			left[set.profile] = struct{}{}
		}
	}
	for set := range c.pending.sets {
		if len(set.nics) == 0 {
			delete(c.shared.sets, set.name)
			continue
		}
		p := c.profileOf(s, set)
		delete(left, p)
		if p != set.profile {
			set.profile = p
			for id := range set.nics {
				c.pending.nics[id] = struct{}{}
			}
		}
	}
	for p := range left {
		c.dropProfile(s, p)
	}
}
