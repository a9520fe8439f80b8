package ofrules

import (
	"fmt"
	"maps"
	"strings"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// localNIC is a NIC of this host with all that its flows depend on.
type localNIC struct {
	nic       *secgroup.NIC
	port      Port
	elsewhere bool   // it is delivered at another host
	number    uint32 // in cookies
	domain    string
	domNo     uint32
	segment   *segment
	set       *groupSet // nil: it is not filtered
}

// syncNICs follows NICs that were plugged, unplugged, moved or touched.
func (c *Compiler) syncNICs(s *span.Share, h Host, d span.Delta) {
	uplink := c.local.sockets.uplink
	dirty := c.local.sockets.update(h)
	for id := range d.NICs {
		if _, ok := c.local.sockets.ports[id]; ok {
			dirty[id] = struct{}{}
		}
	}
	if len(d.Networks) > 0 {
		for id := range c.local.sockets.ports {
			n := s.NICs[id].Record
			if n == nil {
				continue
			}
			if _, changed := d.Networks[n.Network]; changed {
				dirty[id] = struct{}{}
				c.touchSegment(c.local.nics[id].segment) // whose gateways may be others now
			}
		}
	}
	for id, first := range c.local.prefer {
		if isReadyAt(id, first, c.local.readyElsewhere) != isReadyAt(id, first, h.Elsewhere) {
			dirty[id] = struct{}{}
		}
	}
	c.local.readyElsewhere = h.Elsewhere
	for _, some := range []map[string]string{c.local.newer, h.Newer} {
		for id := range some {
			if c.local.newer[id] != h.Newer[id] {
				if _, here := c.local.sockets.ports[id]; here {
					dirty[id] = struct{}{}
				}
			}
		}
	}
	c.local.newer = h.Newer
	for id := range dirty {
		c.syncNIC(s, h.Name, id)
	}
	c.syncProfiles(s)
	maps.Copy(c.local.resynced, dirty)
	if uplink != h.Uplink {
		for name := range c.shared.segments {
			c.pending.segments[name] = struct{}{}
		}
	}
}

// syncNIC replaces what is known of one NIC. The new references are taken
// before the old ones are given back, so that nothing shared comes and goes.
func (c *Compiler) syncNIC(s *span.Share, host, id string) {
	old, had := c.local.nics[id]
	delete(c.local.nics, id)
	delete(c.local.problems, id)
	delete(c.local.prefer, id)
	if port, ok := c.local.sockets.ports[id]; ok {
		if n, problem := c.resolveNIC(s, host, id, port); problem != "" {
			c.local.problems[id] = problem
		} else {
			c.local.nics[id] = n
		}
	}
	c.pending.nics[id] = struct{}{}
	if had {
		c.releaseNIC(id, old)
	}
	if was, is := old.inSegment(), c.local.nics[id].inSegment(); was != is {
		c.touchSegment(was.segment)
		c.touchSegment(is.segment)
	}
}

// inSegment is all that the flows of a segment, which name all of its NICs, take from one
// of them. A NIC that is in none has the zero value.
type inSegment struct {
	segment    *segment
	network    string
	port       Port
	elsewhere  bool
	unfiltered bool
}

func (n localNIC) inSegment() inSegment {
	if n.segment == nil {
		return inSegment{}
	}
	return inSegment{n.segment, n.nic.Network, n.port, n.elsewhere, n.nic.Enforcement == secgroup.EnforcementOff}
}

// touchSegment has a segment compiled again, if it is one.
func (c *Compiler) touchSegment(s *segment) {
	if s != nil {
		c.pending.segments[s.name] = struct{}{}
	}
}

// resolveNIC looks up all that a NIC's flows depend on and takes references.
func (c *Compiler) resolveNIC(s *span.Share, host, id string, port Port) (localNIC, string) {
	if problem := c.local.sockets.problem(port); problem != "" {
		return localNIC{}, problem
	}
	plugged, asked := s.NICs[id]
	nic := plugged.Record
	if nic == nil {
		if !asked {
			return localNIC{}, "the policy was not asked for this NIC yet"
		}
		return localNIC{}, "no such NIC in the policy"
	}
	if host != "" && !nic.MayBeAt(host) {
		return localNIC{}, fmt.Sprintf("the NIC may be plugged at %s, not here", strings.Join(nic.Hosts, ", "))
	}
	if newer := c.local.newer[id]; newer != "" && len(nic.Hosts) == 0 {
		return localNIC{}, fmt.Sprintf("the NIC is plugged at %s, too, since later, and is served there", newer)
	}
	network := s.Networks[nic.Network]
	if network == nil {
		return localNIC{}, fmt.Sprintf("network %q is absent", nic.Network)
	}
	if network.RoutingDomain == "" {
		return localNIC{}, fmt.Sprintf("network %q has no routing domain", nic.Network)
	}
	if len(plugged.Groups) == 0 {
		return localNIC{}, fmt.Sprintf("account %q has no default group", nic.Account)
	}
	n := localNIC{nic: nic, port: port, number: c.numbers.nics.acquire(id), domain: network.RoutingDomain}
	if host != "" && nic.AwayFrom(host) {
		c.local.prefer[id] = nic.Hosts[0]
		n.elsewhere = isReadyAt(id, nic.Hosts[0], c.local.readyElsewhere)
	}
	if c.shared.domains[n.domain]++; c.shared.domains[n.domain] == 1 {
		c.pending.domains[n.domain] = struct{}{}
		if !c.numbers.domains.has(n.domain) {
			c.numbers.domains.acquire(n.domain)
		}
	}
	n.domNo = c.numbers.domains.of(n.domain)
	name := network.Segment().String()
	seg := c.shared.segments[name]
	if seg == nil {
		seg = &segment{name: name, number: c.numbers.segments.acquire(name), vlan: network.VLAN, local: network.Local, nics: map[string]struct{}{}}
		c.shared.segments[name] = seg
	}
	seg.nics[id] = struct{}{}
	n.segment = seg
	if nic.Enforcement != secgroup.EnforcementOff {
		n.set = c.joinSet(id, plugged.Groups)
	}
	return n, ""
}

// isReadyAt tells whether a NIC is delivered at the host that it names first, and
// not here, where come are those that have come there.
func isReadyAt(id, first string, come map[string]string) bool {
	return come == nil || come[id] == first
}

// Prefer returns the NICs plugged here that name another host first, and which.
// The caller must not change it.
func (c *Compiler) Prefer() map[string]string { return c.local.prefer }

// releaseNIC gives back what resolveNIC took for the NIC's former value.
func (c *Compiler) releaseNIC(id string, old localNIC) {
	c.numbers.nics.release(id)
	if c.shared.domains[old.domain]--; c.shared.domains[old.domain] == 0 {
		delete(c.shared.domains, old.domain)
		c.pending.domains[old.domain] = struct{}{}
	}
	if now, ok := c.local.nics[id]; !ok || now.segment != old.segment {
		delete(old.segment.nics, id)
	}
	if old.set != nil && c.local.nics[id].set != old.set {
		c.leaveSet(id, old.set)
	}
}

// compileNICs compiles the flows of the NICs that changed.
func (c *Compiler) compileNICs() {
	for id := range c.pending.nics {
		var parts []part
		if n, ok := c.local.nics[id]; ok {
			parts = nicParts(n)
		}
		c.set.setUnit(unitKey{kind: KindNIC, name: id}, parts)
	}
}

// Profile returns the number of the profile that judges a local NIC, which stands in the
// cookies of that profile's flows; false if the NIC has no flows or is not filtered.
func (c *Compiler) Profile(nic string) (number uint32, ok bool) {
	n, ok := c.local.nics[nic]
	if !ok || n.set == nil {
		return 0, false
	}
	return n.set.profile.number, true
}

// Installed tells whether a NIC has flows.
func (c *Compiler) Installed(nic string) bool {
	_, ok := c.local.nics[nic]
	return ok
}
