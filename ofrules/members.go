package ofrules

import (
	"net/netip"
	"slices"
	"strings"
	"unique"

	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
)

// label is a remote group that some local rule refers to. Its members' addresses
// carry its number in the address tables of the directions that refer to it.
type label struct {
	group     secgroup.GroupRef
	number    uint32
	refs      [2]int                      // (profile, rule) pairs that name it, by direction
	addresses map[*remoteAddress]struct{} // that it is on; nil: to be enumerated
}

// address is an address in a routing domain. There are many in each, so that a domain is held once.
type address struct {
	domain unique.Handle[string]
	addr   netip.Addr
}

// composite is an interned set of labels: the surplus of an address that has
// more labels than there are registers. It is used in one direction.
type composite struct {
	number uint32
	labels []*label
	refs   int
}

// remoteAddress is an address that is a member of labels.
type remoteAddress struct {
	at      address
	labels  []*label
	hasFlow [2]bool // it has a flow, by direction
	dirty   bool    // it is among those to render
}

// addressTables keeps the address tables of both directions.
type addressTables struct {
	byAddress  map[address]*remoteAddress // that have labels or flows
	dirty      []*remoteAddress
	composites [2]map[string]*composite // by name
	used       [2]map[address]string    // the composite that a place uses
	loads      [2]labelLoads            // by direction: of the address that was rendered last
}

// labelLoads are the actions of an address that write its labels into registers. They are
// made anew only for other labels than the last ones: most members of a group have the same.
type labelLoads struct {
	registers [labelRegisters]uint32 // 0: no label
	actions   of.Actions
}

// of returns the actions that load labels and go on to a table, always the same for one l.
func (l *labelLoads) of(registers [labelRegisters]uint32, next uint8) of.Actions {
	if l.registers == registers {
		return l.actions
	}
	acts := make([]of.Action, 0, labelRegisters+1)
	for i, n := range registers {
		if n != 0 {
			acts = append(acts, load(regLabel+of.Field(i), uint64(n)))
		}
	}
	*l = labelLoads{registers, of.MustActions(append(acts, of.Goto{Table: next})...)}
	return l.actions
}

func newAddresses() *addressTables {
	return &addressTables{
		byAddress:  map[address]*remoteAddress{},
		composites: [2]map[string]*composite{{}, {}},
		used:       [2]map[address]string{{}, {}},
	}
}

// touch has the flows of an address rendered by syncAddresses.
func (a *addressTables) touch(sp *remoteAddress) {
	if !sp.dirty {
		sp.dirty = true
		a.dirty = append(a.dirty, sp)
	}
}

// add adds a label to an address, unless it has it.
func (a *addressTables) add(p address, l *label) {
	sp := a.byAddress[p]
	if sp == nil {
		sp = &remoteAddress{at: p}
		a.byAddress[p] = sp
	}
	if _, there := l.addresses[sp]; there {
		return
	}
	l.addresses[sp] = struct{}{}
	sp.labels = append(sp.labels, l)
	a.touch(sp)
}

// remove removes a label from an address, if it has it.
func (a *addressTables) remove(sp *remoteAddress, l *label) {
	if _, there := l.addresses[sp]; !there {
		return
	}
	delete(l.addresses, sp)
	sp.labels = slices.DeleteFunc(sp.labels, func(o *label) bool { return o == l })
	a.touch(sp)
}

// labelsIn returns the labels of an address that rules of a direction name, sorted by
// group: not by number, so that the surplus does not depend on how names collide.
func (sp *remoteAddress) labelsIn(dir int) []*label {
	var out []*label
	for _, l := range sp.labels {
		if l.refs[dir] > 0 {
			out = append(out, l)
		}
	}
	if len(out) > 1 {
		slices.SortFunc(out, func(x, y *label) int { return x.group.Compare(y.group) })
	}
	return out
}

// setComposite makes an address use the composite of some labels (none: no composite),
// and returns its number and the labels whose composites came or went.
func (c *Compiler) setComposite(dir int, p address, surplus []*label) (uint32, []*label) {
	a := c.shared.addrs
	name := compositeName(surplus)
	old := a.used[dir][p]
	var changed []*label
	if name != "" && name != old {
		k, ok := a.composites[dir][name]
		if !ok {
			k = &composite{number: c.numbers.labels.acquire(name), labels: surplus}
			a.composites[dir][name] = k
			changed = append(changed, surplus...)
		}
		k.refs++
	}
	if old != "" && old != name {
		if k := a.composites[dir][old]; k.refs > 1 {
			k.refs--
		} else {
			delete(a.composites[dir], old)
			c.numbers.labels.release(old)
			changed = append(changed, k.labels...)
		}
	}
	if name == "" {
		delete(a.used[dir], p)
		return 0, changed
	}
	a.used[dir][p] = name
	return a.composites[dir][name].number, changed
}

// compositeName is unique among composites and differs from every group's name.
func compositeName(ls []*label) string {
	if len(ls) == 0 {
		return ""
	}
	var b strings.Builder
	for _, l := range ls {
		b.WriteByte(0)
		b.WriteString(groupName(l.group))
	}
	return b.String()
}

// containing returns the numbers of the composites that contain a label, sorted.
func (a *addressTables) containing(dir int, l *label) []uint32 {
	var out []uint32
	for _, k := range a.composites[dir] {
		if slices.Contains(k.labels, l) {
			out = append(out, k.number)
		}
	}
	slices.Sort(out)
	return out
}

// renderAddress updates the two flows of an address, one a direction, and returns the
// labels whose composites came or went. Addresses in routing domains that no local NIC
// is in have no flows.
func (c *Compiler) renderAddress(sp *remoteAddress) (changed [2][]*label) {
	p, domain := sp.at, sp.at.domain.Value()
	for dir, st := range []stage{egressStage(), ingressStage()} {
		var ls []*label
		if c.shared.domains[domain] > 0 {
			ls = sp.labelsIn(dir)
		}
		if len(ls) == 0 && !sp.hasFlow[dir] {
			continue
		}
		k := key(st.address, prioAddress, regDomain.Is(uint64(c.numbers.domains.of(domain))), etherType(p.addr), st.remote(host(p.addr)))
		sp.hasFlow[dir] = len(ls) > 0
		var surplus []*label
		if len(ls) > labelRegisters {
			surplus = ls[labelRegisters-1:]
		}
		var number uint32
		number, changed[dir] = c.setComposite(dir, p, surplus)
		if len(ls) == 0 {
			c.set.remove(k)
			continue
		}
		var registers [labelRegisters]uint32
		for i, l := range ls[:len(ls)-len(surplus)] {
			registers[i] = l.number
		}
		if len(surplus) > 0 {
			registers[labelRegisters-1] = number
		}
		c.set.put(k, cookie(KindAddress, 0), c.shared.addrs.loads[dir].of(registers, st.rules))
	}
	return changed
}
