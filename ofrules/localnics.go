package ofrules

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
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
	profile   *profile
}

// segment is an L2 segment with local NICs: a VLAN in one routing domain.
type segment struct {
	name   string
	number uint32
	vlan   uint16
	local  bool // no VLAN: nothing leaves it by the uplink, nor comes in
	nics   map[string]struct{}
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
	c.pending.segments[name] = struct{}{}
	n.segment = seg
	if nic.Enforcement != secgroup.EnforcementOff {
		n.profile = c.acquireProfile(s, plugged.Groups)
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
	c.pending.segments[old.segment.name] = struct{}{}
	if old.profile != nil {
		c.releaseProfile(old.profile)
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

// compileSegments compiles the segments that changed and the VLANs they are on.
func (c *Compiler) compileSegments(s *span.Share) {
	vlans := map[uint16]struct{}{}
	for name := range c.pending.segments {
		seg := c.shared.segments[name]
		if seg == nil {
			continue
		}
		if !seg.local {
			vlans[seg.vlan] = struct{}{}
		}
		unit := unitKey{kind: KindSegment, name: name}
		if len(seg.nics) == 0 {
			delete(c.shared.segments, name)
			c.numbers.segments.release(name)
			c.set.setUnit(unit, nil)
			continue
		}
		c.set.setUnit(unit, segmentParts(c.segmentInput(s, seg)))
	}
	for vlan := range vlans {
		var numbers []uint32
		for _, seg := range c.shared.segments {
			if seg.vlan == vlan && !seg.local {
				numbers = append(numbers, seg.number)
			}
		}
		slices.Sort(numbers)
		var parts []part
		if c.local.sockets.uplink != 0 && len(numbers) > 0 {
			parts = vlanParts(vlan, c.local.sockets.uplink, numbers)
		}
		c.set.setUnit(unitKey{kind: KindSegment, name: fmt.Sprintf("vlan %d", vlan)}, parts)
	}
}

func (c *Compiler) segmentInput(s *span.Share, seg *segment) segmentInput {
	in := segmentInput{number: seg.number, vlan: seg.vlan}
	if !seg.local {
		in.uplink = c.local.sockets.uplink
	}
	networks := map[string]struct{}{}
	for _, id := range slices.Sorted(maps.Keys(seg.nics)) {
		n := c.local.nics[id]
		if !n.elsewhere {
			in.nics = append(in.nics, n)
		}
		networks[n.nic.Network] = struct{}{}
	}
	for id := range networks {
		if n := s.Networks[id]; n != nil {
			in.gateways = append(in.gateways, n.Gateways...)
		}
	}
	slices.SortFunc(in.gateways, func(a, b netip.Addr) int { return a.Compare(b) })
	in.gateways = slices.Compact(in.gateways)
	return in
}

// profileName is the name of a set of groups, sorted.
func profileName(groups []secgroup.GroupRef) string {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = groupName(g)
	}
	return strings.Join(names, " ")
}

// Port is where a NIC is plugged on this host.
type Port struct {
	OFPort uint32
	Zone   uint16 // its conntrack zone: unique on the host, kept over restarts
}

// Host is what the switch says: where NICs are plugged.
type Host struct {
	Name   string          // by which NICs name it; "" = no NIC is told that it may not be here
	Ports  map[string]Port // by NIC id
	Uplink uint32          // ofport of the way to other hosts, 0 = none
	// Elsewhere are the NICs that are ready at another host, which is named; one
	// that names it first is delivered there. nil = all that name another first.
	Elsewhere map[string]string
	// Newer are the NICs that are plugged at another host since later, which is
	// named: those that may be anywhere are served there. It must not be changed.
	Newer map[string]string
	// Changed are the NICs whose Ports may differ from those of the update
	// before; nil = any may.
	Changed map[string]struct{}
}
