package controller

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringfence/ringfence/ovsdb"
)

// claim is an interface whose external_ids name a NIC (iface-id).
type claim struct {
	nic   string
	iface ovsdb.Interface
	warn  string // what is wrong with the interface, "" for nothing
}

// claims indexes the bridge's interfaces. A change costs as much as there are
// interfaces in it, however many the bridge has.
type claims struct {
	byName map[string]ovsdb.Interface
	byPort map[uint32]string            // names, by ofport
	byNIC  map[string][]ovsdb.Interface // those that claim it, by name; nearly always one
	bonds  map[string][]string          // names of a port's interfaces that are named otherwise than it, sorted
}

func newClaims() claims {
	return claims{byName: map[string]ovsdb.Interface{}, byPort: map[uint32]string{}, byNIC: map[string][]ovsdb.Interface{}, bonds: map[string][]string{}}
}

// change applies a change of the bridge, and adds the NICs that it is about to touched.
func (c *claims) change(ch ovsdb.Change, touched map[string]struct{}) {
	for _, i := range ch.Gone {
		c.drop(i.Name, touched)
	}
	for _, i := range ch.Set {
		c.drop(i.Name, touched)
		c.byName[i.Name] = i
		if i.OFPort != 0 {
			c.byPort[i.OFPort] = i.Name
		}
		if i.Port != i.Name {
			at, _ := slices.BinarySearch(c.bonds[i.Port], i.Name)
			c.bonds[i.Port] = slices.Insert(c.bonds[i.Port], at, i.Name)
		}
		if i.IfaceID != "" {
			at, _ := slices.BinarySearchFunc(c.byNIC[i.IfaceID], i.Name, compareName)
			c.byNIC[i.IfaceID] = slices.Insert(c.byNIC[i.IfaceID], at, i)
			touched[i.IfaceID] = struct{}{}
		}
	}
}

func compareName(i ovsdb.Interface, name string) int { return strings.Compare(i.Name, name) }

// drop forgets an interface, if it is known.
func (c *claims) drop(name string, touched map[string]struct{}) {
	i, ok := c.byName[name]
	if !ok {
		return
	}
	delete(c.byName, name)
	if c.byPort[i.OFPort] == name {
		delete(c.byPort, i.OFPort)
	}
	if rest := slices.DeleteFunc(c.bonds[i.Port], func(other string) bool { return other == name }); len(rest) == 0 {
		delete(c.bonds, i.Port)
	} else {
		c.bonds[i.Port] = rest
	}
	if i.IfaceID == "" {
		return
	}
	touched[i.IfaceID] = struct{}{}
	rest := slices.DeleteFunc(c.byNIC[i.IfaceID], func(j ovsdb.Interface) bool { return j.Name == name })
	if len(rest) == 0 {
		delete(c.byNIC, i.IfaceID)
	} else {
		c.byNIC[i.IfaceID] = rest
	}
}

// get returns the claim of a NIC that is plugged. Where several interfaces claim
// it the first by name that has an ofport speaks for it, and the others get
// nothing.
func (c *claims) get(nic string) (claim, bool) {
	ifaces := c.byNIC[nic]
	if len(ifaces) == 0 {
		return claim{}, false
	}
	out := claim{nic: nic, iface: ifaces[0], warn: ifaces[0].Error}
	for _, i := range ifaces[1:] {
		loser := i
		if out.iface.OFPort == 0 && i.OFPort != 0 {
			loser, out.iface = out.iface, i
		}
		out.warn = fmt.Sprintf("interface %s claims the NIC too; %s has it", loser.Name, out.iface.Name)
	}
	return out, true
}

// members returns the interfaces of a port: more than one are a bond.
func (c *claims) members(port string) []string {
	names := slices.Clone(c.bonds[port])
	if i, ok := c.byName[port]; ok && i.Port == port {
		names = append(names, port)
	}
	return names
}

// uplink returns the interface of a name, or the first one of the port of that
// name: a bond's interfaces have names of their own.
func (c *claims) uplink(name string) ovsdb.Interface {
	i, ok := c.byName[name]
	if names := c.bonds[name]; !ok && len(names) > 0 {
		i = c.byName[names[0]]
	}
	return i
}

// all returns the claims of all NICs, in the order of the interfaces' names.
func (c *claims) all() []claim {
	out := make([]claim, 0, len(c.byNIC))
	for nic := range c.byNIC {
		one, _ := c.get(nic)
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b claim) int {
		return strings.Compare(c.byNIC[a.nic][0].Name, c.byNIC[b.nic][0].Name)
	})
	return out
}
