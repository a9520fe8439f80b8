package span

import (
	"github.com/ringfence/ringfence/secgroup"
)

// draft gathers what changes for one host in a round: the names of what may be
// different, most with whether the host needed it before.
type draft struct {
	x        *Index
	host     *host
	nics     map[string]struct{}
	networks map[string]bool
	domains  map[string]bool
	groups   map[secgroup.GroupRef]bool
	remotes  map[secgroup.GroupRef]bool
	labels   map[Label]struct{} // whose members are others
}

// noteNeed remembers whether something was needed before the round.
func noteNeed[K comparable](before *map[K]bool, k K, needed int) {
	if _, noted := (*before)[k]; noted {
		return
	}
	if *before == nil {
		*before = map[K]bool{}
	}
	(*before)[k] = needed > 0
}

func (d *draft) noteNetwork(id string) { noteNeed(&d.networks, id, d.host.networks[id]) }

func (d *draft) noteGroup(ref secgroup.GroupRef) { noteNeed(&d.groups, ref, d.host.groups[ref]) }

func (d *draft) noteLabel(l Label) {
	if d.labels == nil {
		d.labels = map[Label]struct{}{}
	}
	d.labels[l] = struct{}{}
}

// resolveNIC brings a NIC that is plugged up to date.
func (d *draft) resolveNIC(id string) {
	d.x.steps++
	old, had := d.host.nics[id]
	now := resolve(d.x.policy, d.host.name, id)
	if had && sameNIC(old.NIC, now.NIC) {
		now.NIC = old.NIC
	} else {
		d.noteNIC(id)
	}
	d.host.nics[id] = now
	if !had {
		if d.x.plugs[id] == nil {
			d.x.plugs[id] = map[*host]struct{}{}
		}
		d.x.plugs[id][d.host] = struct{}{}
	}
	d.countNeeds(now, 1) // before the old is given back, so that nothing comes and goes
	d.countNeeds(old, -1)
}

func (d *draft) unplug(id string) {
	d.x.steps++
	d.noteNIC(id)
	old := d.host.nics[id]
	delete(d.host.nics, id)
	if delete(d.x.plugs[id], d.host); len(d.x.plugs[id]) == 0 {
		delete(d.x.plugs, id)
	}
	d.countNeeds(old, -1)
}

func (d *draft) noteNIC(id string) {
	if d.nics == nil {
		d.nics = map[string]struct{}{}
	}
	d.nics[id] = struct{}{}
}

// countNeeds counts one NIC more or less that needs what it needs.
func (d *draft) countNeeds(r resolved, n int) {
	h := d.host
	if r.network != "" {
		d.noteNetwork(r.network)
		if count(h.networks, r.network, n) {
			d.x.needNetwork(r.network, h)
		}
	}
	if r.domain != "" {
		noteNeed(&d.domains, r.domain, h.domains[r.domain])
		count(h.domains, r.domain, n)
	}
	for _, ref := range r.judges {
		d.x.steps++
		d.noteGroup(ref)
		if !count(h.groups, ref, n) {
			continue
		}
		for _, remote := range d.x.needGroup(ref, h) {
			d.countRemote(remote, n)
		}
	}
}

// countRemote counts one group of the host more or less whose rules name a remote.
func (d *draft) countRemote(ref secgroup.GroupRef, n int) {
	d.x.steps++
	noteNeed(&d.remotes, ref, d.host.remotes[ref])
	if count(d.host.remotes, ref, n) {
		d.x.needRemote(ref, d.host)
	}
}

// count adds n to what is counted under k, and tells whether it came or went.
func count[K comparable](counts map[K]int, k K, n int) (turned bool) {
	before := counts[k]
	if counts[k] = before + n; counts[k] == 0 {
		delete(counts, k)
	}
	return (before == 0) != (before+n == 0)
}

// delta says what changes in the host's share.
func (d *draft) delta() Delta {
	h := d.host
	var out Delta
	for id := range d.nics {
		var now *NIC
		if r, plugged := h.nics[id]; plugged {
			now = &r.NIC
		}
		putIn(&out.NICs, id, now)
	}
	for id, was := range d.networks {
		if is := h.networks[id] > 0; is {
			n := d.x.networks[id]
			if _, changed := d.x.round.changed[n]; changed || !was {
				putIn(&out.Networks, id, n.object)
			}
		} else if was {
			putIn(&out.Networks, id, nil)
		}
	}
	for ref, was := range d.groups {
		if is := h.groups[ref] > 0; is {
			g := d.x.groups[ref]
			if _, changed := d.x.round.changed[g]; changed || !was {
				putIn(&out.Groups, ref, g.object)
			}
		} else if was {
			putIn(&out.Groups, ref, nil)
		}
	}
	for l := range d.allLabels() {
		d.x.steps++
		was := neededBefore(d.remotes, h.remotes, l.Group) && neededBefore(d.domains, h.domains, l.Domain)
		is := h.remotes[l.Group] > 0 && h.domains[l.Domain] > 0
		if c := d.x.memberChange(l, h, was, is); !c.empty() {
			if out.Members == nil {
				out.Members = map[Label]Change{}
			}
			out.Members[l] = c
		}
	}
	return out
}

// allLabels returns those whose members may be others for the host.
func (d *draft) allLabels() map[Label]struct{} {
	all := d.labels
	if all == nil {
		all = map[Label]struct{}{}
	}
	cross := func(remote secgroup.GroupRef) func(domain string) {
		return func(domain string) { all[Label{remote, domain}] = struct{}{} }
	}
	for remote := range d.remotes {
		eachKey(d.domains, d.host.domains, cross(remote))
	}
	if len(d.domains) > 0 {
		eachKey(d.remotes, d.host.remotes, func(remote secgroup.GroupRef) { eachKey(d.domains, nil, cross(remote)) })
	}
	return all
}

// eachKey calls fn once for each key of the two maps.
func eachKey[K comparable](noted map[K]bool, needed map[K]int, fn func(K)) {
	for k := range noted {
		fn(k)
	}
	for k := range needed {
		if _, twice := noted[k]; !twice {
			fn(k)
		}
	}
}

// neededBefore tells whether something was needed before the round.
func neededBefore[K comparable](noted map[K]bool, needed map[K]int, k K) bool {
	if was, ok := noted[k]; ok {
		return was
	}
	return needed[k] > 0
}

// putIn puts an object into a map that may be nil; a nil object is one that goes.
func putIn[K comparable, T any](m *map[K]*T, k K, o *T) {
	if *m == nil {
		*m = map[K]*T{}
	}
	(*m)[k] = o
}
