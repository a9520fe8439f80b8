package span

import "github.com/ringfence/ringfence/secgroup"

// Index knows which hosts need which objects of a policy. It holds what some host
// needs once, however many hosts do, and of a host the names of what it needs.
//
//	host ─< NIC that is plugged ─ network
//	 │                         └─< group that judges it ─< remote: named by its rules
//	 └──────────< label: a remote in a domain of the host ──────┘
//
// Whoever changes the policy calls Apply with what was touched before anything
// else is called.
type Index struct {
	policy   *secgroup.Snapshot
	hosts    map[string]*host
	plugs    map[string]map[*host]struct{} // by NIC
	networks map[string]*network
	groups   map[secgroup.GroupRef]*group
	remotes  map[secgroup.GroupRef]*remote
	members  map[string]*member // of remotes, by NIC
	baseline *secgroup.Baseline

	round round
	steps int // that were taken so far: tests hold them to what is concerned
}

// host is what is known of a host: what it needs, each with how often.
type host struct {
	name     string
	nics     map[string]resolved
	networks map[string]int
	domains  map[string]int
	groups   map[secgroup.GroupRef]int
	remotes  map[secgroup.GroupRef]int
}

// network is one that hosts need.
type network struct {
	object *secgroup.Network
	hosts  map[*host]struct{}
}

// group is one that hosts need.
type group struct {
	object  *secgroup.Group
	remotes []secgroup.GroupRef // remotes, sorted
	hosts   map[*host]struct{}
}

// round is one call of Apply or Plug. What nobody needs any more is kept until its
// end, for somebody may come to need it.
type round struct {
	drafts  map[*host]*draft
	changed map[any]struct{} // networks and groups whose objects are others than before
	moved   map[*memberAddresses]struct{}
	drops   []func() // each drops something unless it is needed again
}

// NewIndex returns an index of a policy that no host needs anything of yet.
func NewIndex(policy *secgroup.Snapshot) *Index {
	return &Index{
		policy: policy, baseline: enforcedBaseline(policy.Baseline()),
		hosts: map[string]*host{}, plugs: map[string]map[*host]struct{}{}, networks: map[string]*network{},
		groups: map[secgroup.GroupRef]*group{}, remotes: map[secgroup.GroupRef]*remote{}, members: map[string]*member{},
	}
}

// Plug says which NICs are plugged at a host (true), and which are not any more
// (false), and returns what that changes in its share. The delta is full if the
// host is new.
func (x *Index) Plug(name string, nics map[string]bool) Delta {
	h := x.hosts[name]
	fresh := h == nil
	if fresh {
		h = &host{
			name: name, nics: map[string]resolved{}, networks: map[string]int{}, domains: map[string]int{},
			groups: map[secgroup.GroupRef]int{}, remotes: map[secgroup.GroupRef]int{},
		}
		x.hosts[name] = h
	}
	d := x.draftOf(h)
	for id, plugged := range nics {
		switch _, there := h.nics[id]; {
		case plugged && !there:
			d.resolveNIC(id)
		case !plugged && there:
			d.unplug(id)
		}
	}
	delta := x.end()[name]
	if fresh {
		delta.Full, delta.Baseline = true, x.baseline
	}
	return delta
}

// Apply follows a change of the policy, which it then is, and returns what it changes in
// the shares of the hosts that it concerns, by their names.
func (x *Index) Apply(policy *secgroup.Snapshot, t secgroup.Touched) map[string]Delta {
	x.policy = policy
	for id := range t.NICs {
		x.moveMember(id)
	}
	for p := range x.round.moved {
		for h := range p.hosts {
			x.steps++
			x.draftOf(h).noteLabel(p.Label)
		}
	}
	for ref := range t.Groups {
		x.changeGroup(ref)
	}
	for id := range t.Networks {
		x.changeNetwork(id)
	}
	for id := range t.NICs {
		for h := range x.plugs[id] {
			x.draftOf(h).resolveNIC(id)
		}
	}
	baseline := t.Baseline && x.changeBaseline()
	deltas := x.end()
	if baseline {
		for name := range x.hosts {
			d := deltas[name]
			d.Baseline = x.baseline
			deltas[name] = d
		}
	}
	return deltas
}

// changeGroup follows the rules of a group. Whom it judges is a matter of the
// NICs, also if it came or went.
func (x *Index) changeGroup(ref secgroup.GroupRef) {
	x.steps++
	g, now := x.groups[ref], x.policy.Group(ref)
	if g == nil || now == nil {
		return
	}
	object := enforcedGroup(now)
	if sameGroup(g.object, object) {
		return
	}
	x.noteChanged(g)
	before := g.remotes
	g.object, g.remotes = object, remotesOf(object)
	for h := range g.hosts {
		d := x.draftOf(h)
		d.noteGroup(ref)
		for _, r := range g.remotes {
			d.countRemote(r, 1)
		}
		for _, r := range before {
			d.countRemote(r, -1)
		}
	}
}

func (x *Index) changeNetwork(id string) {
	x.steps++
	n, now := x.networks[id], x.policy.Network(id)
	if n == nil || now == nil {
		return
	}
	object := enforcedNetwork(now)
	if sameNetwork(n.object, object) {
		return
	}
	x.noteChanged(n)
	n.object = object
	for h := range n.hosts {
		x.draftOf(h).noteNetwork(id)
	}
}

func (x *Index) changeBaseline() (changed bool) {
	x.steps++
	now := enforcedBaseline(x.policy.Baseline())
	changed = !sameBaseline(x.baseline, now)
	x.baseline = now
	return changed
}

// noteChanged notes that an object is another one than before this round.
func (x *Index) noteChanged(node any) {
	if x.round.changed == nil {
		x.round.changed = map[any]struct{}{}
	}
	x.round.changed[node] = struct{}{}
}

// draftOf gathers what changes for a host in this round.
func (x *Index) draftOf(h *host) *draft {
	d := x.round.drafts[h]
	if d == nil {
		d = &draft{x: x, host: h}
		if x.round.drafts == nil {
			x.round.drafts = map[*host]*draft{}
		}
		x.round.drafts[h] = d
	}
	return d
}

// end ends a round: it says what changes, and drops what nobody needs any more.
func (x *Index) end() map[string]Delta {
	deltas := map[string]Delta{}
	for h, d := range x.round.drafts {
		if delta := d.delta(); !delta.Empty() {
			deltas[h.name] = delta
		}
	}
	for p := range x.round.moved {
		p.heldBefore, p.change = nil, nil
		x.dropLater(func() { x.dropAddresses(p) })
	}
	for _, drop := range x.round.drops {
		drop()
	}
	x.round = round{}
	return deltas
}
