package ofrules

import (
	"maps"
	"slices"
	"strings"

	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// Compiler holds the flow set of one host and follows changes. It is not safe
// for concurrent use.
type Compiler struct {
	bits    uint // width of numbers: 32, less in tests
	set     *flowSet
	local   local
	shared  shared
	numbers numberings
	pending pending
}

// local is what a Compiler knows of its host: the NICs that are plugged, and whether
// they have flows.
type local struct {
	sockets        sockets
	nics           map[string]localNIC // local NICs that have flows
	problems       map[string]string   // NICs that are plugged and have none, and why
	resynced       map[string]struct{} // NICs that syncNIC looked at since Resynced was called
	prefer         map[string]string   // NICs that name another host first, which is named
	readyElsewhere map[string]string   // as in Host.Elsewhere
	newer          map[string]string   // as in Host.Newer
}

// shared is what the flows of several NICs have in common, with counts of its users.
type shared struct {
	sets       map[string]*groupSet
	profiles   map[string]*profile
	groups     map[secgroup.GroupRef]*groupUse
	segments   map[string]*segment
	domains    map[string]int // local NICs in each routing domain
	units      map[unitKey]*ruleUnit
	accepts    map[string]int // (profile, rule) pairs that need a rule's conj_id flow
	labels     map[secgroup.GroupRef]*label
	labelUsers map[*label]map[unitKey]struct{} // rule units that name a label
	addrs      *addressTables
}

// numberings are the spaces of numbers that stand for names in flows.
type numberings struct {
	rules    *numbers
	labels   *numbers // of labels and composites
	profiles *numbers
	domains  *numbers
	segments *numbers
	nics     *numbers
}

func newNumberings(bits uint) (n numberings) {
	for _, space := range n.spaces() {
		*space = newNumbers(bits)
	}
	return n
}

func (n *numberings) spaces() []**numbers {
	return []**numbers{&n.rules, &n.labels, &n.profiles, &n.domains, &n.segments, &n.nics}
}

// colliding tells whether numbers may differ from those of a compile from
// scratch.
func (n *numberings) colliding() bool {
	return slices.ContainsFunc(n.spaces(), func(space **numbers) bool { return (*space).ambiguous })
}

// pending is what an update has still to do, in the order of run; empty between
// updates.
type pending struct {
	sets     map[*groupSet]struct{} // NICs came or went
	labels   map[*label]struct{}    // referred to for the first or last time in a direction
	domains  map[string]struct{}    // local NICs came or went
	units    map[unitKey]struct{}   // rule units to compile
	accepts  map[string]struct{}    // rules whose conj_id flow may come or go
	profiles map[*profile]struct{}  // profiles to compile
	segments map[string]struct{}    // segments to compile
	nics     map[string]struct{}    // NICs to compile
}

func newPending() pending {
	return pending{
		map[*groupSet]struct{}{}, map[*label]struct{}{}, map[string]struct{}{}, map[unitKey]struct{}{}, map[string]struct{}{},
		map[*profile]struct{}{}, map[string]struct{}{}, map[string]struct{}{},
	}
}

// New returns a Compiler that has no flows yet: Reset or Update gives it some.
func New() *Compiler { return newCompiler(32) }

func newCompiler(bits uint) *Compiler {
	return &Compiler{
		bits: bits, set: newFlowSet(),
		local: local{
			sockets: newSockets(), nics: map[string]localNIC{}, problems: map[string]string{},
			resynced: map[string]struct{}{}, prefer: map[string]string{},
		},
		shared: shared{
			sets: map[string]*groupSet{}, profiles: map[string]*profile{}, groups: map[secgroup.GroupRef]*groupUse{},
			segments: map[string]*segment{}, domains: map[string]int{},
			units: map[unitKey]*ruleUnit{}, accepts: map[string]int{},
			labels: map[secgroup.GroupRef]*label{}, labelUsers: map[*label]map[unitKey]struct{}{}, addrs: newAddresses(),
		},
		numbers: newNumberings(bits),
		pending: newPending(),
	}
}

// Reset compiles from scratch and returns the difference to the flows before. The
// share is of a host in which all NICs of h.Ports are plugged, and maybe others.
func (c *Compiler) Reset(s *span.Share, h Host) Delta {
	before := c.set.flowsAtLastTake()
	c.Anew(s, h)
	return Diff(before, c.Flows())
}

// Anew is Reset for who does not know which of the flows before were there.
func (c *Compiler) Anew(s *span.Share, h Host) { *c = *compile(c.bits, s, h) }

// compile returns a compiler that has compiled a state from scratch.
func compile(bits uint, s *span.Share, h Host) *Compiler {
	all := span.Delta{Full: true} // every port is new: the rest follows
	h.Changed = nil
	c := newCompiler(bits)
	c.set.scratch = true
	c.run(s, h, all)
	if c.numbers.colliding() {
		// All names are known now: number them in sorted order.
		again := newCompiler(bits)
		again.set.scratch = true
		from := c.numbers.spaces()
		for i, n := range again.numbers.spaces() {
			(*n).resolve((*from[i]).all())
		}
		again.run(s, h, all)
		c = again
	}
	c.set.renderAll()
	return c
}

// Update follows a change: s is the share after it, d what it changed there, h
// the host now. It returns the difference to the flows before. No change may be
// left out between two calls. A full delta is a Reset.
func (c *Compiler) Update(s *span.Share, h Host, d span.Delta) Delta {
	if d.Full {
		return c.Reset(s, h)
	}
	c.run(s, h, d)
	if c.numbers.colliding() {
		return c.Reset(s, h)
	}
	return c.set.takeDelta()
}

// run brings every part up to date, each step feeding the later ones.
func (c *Compiler) run(s *span.Share, h Host, d span.Delta) {
	if len(c.set.units) == 0 {
		c.set.setUnit(unitKey{kind: KindPipeline}, pipelineParts())
	}
	if d.Full || d.Baseline != nil {
		c.set.setUnit(unitKey{kind: KindBaseline}, baselineParts(s.Baseline))
	}
	c.syncNICs(s, h, d)
	c.syncGroups(s, d)
	c.syncLabels(s)
	c.syncMembers(d)
	c.syncAddresses()
	c.compileRules()
	c.compileProfiles()
	c.compileNICs()
	c.compileSegments(s)
	c.pending = newPending()
}

// Flows returns every flow, sorted from the leaf of the pipeline to its entry.
func (c *Compiler) Flows() []of.Flow { return c.set.all() }

// Flow returns the flow under a key, if there is one.
func (c *Compiler) Flow(k of.FlowKey) (of.Flow, bool) {
	e, ok := c.set.flows[k]
	if !ok {
		return of.Flow{}, false
	}
	return e.flow(), true
}

// Len returns the number of flows.
func (c *Compiler) Len() int { return len(c.set.flows) }

// Problems returns the plugged NICs that have no flows, and why.
func (c *Compiler) Problems() map[string]string { return maps.Clone(c.local.problems) }

// Problem says why a plugged NIC has no flows, "" if it has or is not plugged.
func (c *Compiler) Problem(nic string) string { return c.local.problems[nic] }

// Resynced returns the NICs of which Problem may say something else since
// Resynced was called last; after Reset, all that are plugged.
func (c *Compiler) Resynced() map[string]struct{} {
	nics := c.local.resynced
	c.local.resynced = map[string]struct{}{}
	return nics
}

// Rule returns the rule that a number in a cookie, a conj_id or a ct_mark stands
// for.
func (c *Compiler) Rule(number uint32) (secgroup.RuleRef, bool) {
	name, ok := c.numbers.rules.name(number)
	if !ok {
		return secgroup.RuleRef{}, false
	}
	f := strings.SplitN(name, "/", 3)
	return secgroup.RuleRef{Group: secgroup.GroupRef{Account: f[0], ID: f[1]}, ID: f[2]}, true
}

// NIC returns the NIC that a number in a cookie stands for.
func (c *Compiler) NIC(number uint32) (string, bool) { return c.numbers.nics.name(number) }
