package policytest

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/secgroup"
)

// world is the policy of a scenario while it is read.
type world struct {
	snapshot *secgroup.Snapshot
	macs     byte
}

func newWorld() *world { return &world{snapshot: secgroup.NewSnapshot()} }

// start is what every scenario begins with: the networks of the universe and
// the accounts with their default groups.
func (w *world) start() []secgroup.Change {
	var changes []secgroup.Change
	for _, n := range networks() {
		changes = append(changes, secgroup.Put(n))
	}
	for _, id := range accounts {
		a := &secgroup.Account{ID: id}
		a.Normalize()
		g := &secgroup.Group{GroupRef: secgroup.GroupRef{Account: id, ID: "default"}, Name: "default", IsDefault: true}
		g.Rules = secgroup.DefaultRules(g.GroupRef, numbered("d"))
		g.Normalize()
		changes = append(changes, secgroup.Put(a), secgroup.Put(g))
	}
	w.snapshot, _ = w.snapshot.With(0, changes)
	return changes
}

func numbered(prefix string) func() string {
	n := 0
	return func() string { n++; return prefix + strconv.Itoa(n) }
}

// change reads a line that changes the policy.
func (w *world) change(words []string) ([]secgroup.Change, error) {
	absent := words[0] == "no"
	if absent {
		words = words[1:]
	}
	if len(words) < 2 {
		return nil, fmt.Errorf("too short")
	}
	kind, name, rest := words[0], words[1], words[2:]
	switch {
	case kind == "group" && absent:
		return []secgroup.Change{secgroup.Delete(secgroup.GroupKey(groupRef(name)))}, nil
	case kind == "group":
		return w.group(name, rest)
	case kind == "rule":
		return w.rule(name, rest, absent)
	case kind == "nic" && absent:
		return []secgroup.Change{secgroup.Delete(secgroup.NICKey(name))}, nil
	case kind == "nic":
		return w.nic(name, rest)
	case kind == "network":
		return w.network(name, rest)
	case kind == "attach":
		return w.attach(name, rest, absent)
	case kind == "baseline":
		return w.baseline(words[1:])
	}
	return nil, fmt.Errorf("unknown word %q", kind)
}

// groupRef reads "web" (of acme) or "bank:web".
func groupRef(name string) secgroup.GroupRef {
	if account, id, ok := strings.Cut(name, ":"); ok {
		return secgroup.GroupRef{Account: account, ID: id}
	}
	return secgroup.GroupRef{Account: accounts[0], ID: name}
}

// group reads: group NAME [auto|listed|open] [any | in NETWORK…] [default-rules].
func (w *world) group(name string, words []string) ([]secgroup.Change, error) {
	g := &secgroup.Group{GroupRef: groupRef(name)}
	if old := w.snapshot.Group(g.GroupRef); old != nil {
		*g = *old
	}
	g.Name = g.ID
	for i, word := range words {
		switch word {
		case "auto", "listed", "open":
			g.EgressPolicy = secgroup.EgressPolicy(word)
		case "default-rules":
			g.Rules = secgroup.DefaultRules(g.GroupRef, numbered("d"))
		case "any":
			g.NetworkScope, g.Networks = secgroup.ScopeAny, nil
		case "in":
			g.NetworkScope, g.Networks = secgroup.ScopeListed, slices.Clone(words[i+1:])
			return valid(g)
		default:
			return nil, fmt.Errorf("unknown word %q", word)
		}
	}
	return valid(g)
}

// valid puts an object after normalising it, if it has no fault.
func valid(o interface {
	secgroup.Object
	Normalize()
	Validate() secgroup.Faults
}) ([]secgroup.Change, error) {
	o.Normalize()
	if f := o.Validate(); len(f) > 0 {
		return nil, f
	}
	return []secgroup.Change{secgroup.Put(o)}, nil
}

// rule reads: rule GROUP/ID DIRECTION PROTOCOL [PORT[-PORT]] [type N] [code N]
// [ipv4|ipv6] [cidr PREFIX] [group NAME] [disabled].
func (w *world) rule(name string, words []string, absent bool) ([]secgroup.Change, error) {
	of, id, _ := strings.Cut(name, "/")
	old := w.snapshot.Group(groupRef(of))
	if old == nil {
		return nil, fmt.Errorf("no group %q", of)
	}
	g := *old
	g.Rules = slices.DeleteFunc(slices.Clone(old.Rules), func(r secgroup.Rule) bool { return r.ID == id })
	if absent {
		return valid(&g)
	}
	if len(words) < 2 {
		return nil, fmt.Errorf("a rule needs direction and protocol")
	}
	r := secgroup.Rule{ID: id, Direction: secgroup.Direction(words[0]), Protocol: secgroup.Protocol(words[1]), Enabled: true}
	for words = words[2:]; len(words) > 0; words = words[1:] {
		n, err := ruleWord(&r, words)
		if err != nil {
			return nil, err
		}
		words = words[n:]
	}
	g.Rules = append(g.Rules, r)
	g.Sort()
	return valid(&g)
}

// ruleWord reads one more word of a rule and says how many it took besides.
func ruleWord(r *secgroup.Rule, words []string) (more int, err error) {
	switch words[0] {
	case "disabled":
		r.Enabled = false
		return 0, nil
	case "ipv4", "ipv6":
		r.Family = secgroup.Family(words[0])
		return 0, nil
	case "type", "code", "cidr", "group":
		if len(words) < 2 {
			return 0, fmt.Errorf("%s of what?", words[0])
		}
		return 1, ruleValue(r, words[0], words[1])
	}
	low, high, both := strings.Cut(words[0], "-")
	if r.PortMin, err = port(low); err == nil && both {
		r.PortMax, err = port(high)
	}
	return 0, err
}

func ruleValue(r *secgroup.Rule, word, value string) (err error) {
	switch word {
	case "cidr":
		r.RemoteCIDR, err = netip.ParsePrefix(value)
		return err
	case "group":
		r.RemoteGroup = groupRef(value)
		return nil
	}
	n, err := strconv.ParseUint(value, 10, 8)
	if word == "type" {
		r.ICMPType = secgroup.Some8(uint8(n))
	} else {
		r.ICMPCode = secgroup.Some8(uint8(n))
	}
	return err
}

func port(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err
}
