package wire

import (
	"errors"
	"fmt"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// Fault is something of a delta that this program cannot read, or must not enforce
// without understanding it.
type Fault struct {
	Object string // for people, as "group acme/web"; those below make it
	Reason string
}

// BaselineObject is the baseline as a Fault names it.
const BaselineObject = "the baseline"

// NICObject is a NIC as a Fault names it.
func NICObject(id string) string { return "NIC " + id }

// NetworkObject is a network as a Fault names it.
func NetworkObject(id string) string { return "network " + id }

// GroupObject is a group as a Fault names it.
func GroupObject(ref secgroup.GroupRef) string { return "group " + ref.Account + "/" + ref.ID }

// MembersObject is the members of a group as a Fault names them.
func MembersObject(group secgroup.GroupRef) string { return "members of " + GroupObject(group) }

// Decode reads one message of a delta. What cannot be read is closed: a NIC is none
// that the policy has, a network is absent, a group has no rules and restricts egress,
// members are none, and the baseline is empty.
func Decode(m *Delta) (d span.Delta, faults []Fault) {
	r := reader{delta: span.Delta{
		Full: m.GetFull(), NICs: map[string]*span.NIC{}, Networks: map[string]*secgroup.Network{},
		Groups: map[secgroup.GroupRef]*secgroup.Group{}, Members: map[span.Label]span.Change{},
	}}
	for _, n := range m.GetNics() {
		r.nic(n)
	}
	for _, id := range m.GetNicsGone() {
		r.delta.NICs[id] = nil
	}
	for _, n := range m.GetNetworks() {
		r.network(n)
	}
	for _, id := range m.GetNetworksGone() {
		r.delta.Networks[id] = nil
	}
	for _, g := range m.GetGroups() {
		r.group(g)
	}
	for _, ref := range m.GetGroupsGone() {
		r.delta.Groups[ref.ref()] = nil
	}
	for _, c := range m.GetMembers() {
		r.members(c)
	}
	if m.GetBaseline() != nil {
		r.baseline(m.GetBaseline())
	}
	return r.delta, r.faults
}

// Parts puts the messages of deltas together. The zero Parts has none.
type Parts struct {
	delta  span.Delta
	faults []Fault
	begun  bool
}

// Add takes the next message. The delta is done with the last of its messages.
func (p *Parts) Add(m *Delta) (d span.Delta, faults []Fault, done bool) {
	d, faults = Decode(m)
	if p.begun {
		d, faults = span.Merge(p.delta, d), append(p.faults, faults...)
	}
	if m.GetMore() {
		p.delta, p.faults, p.begun = d, faults, true
		return span.Delta{}, nil, false
	}
	*p = Parts{}
	return d, faults, true
}

type reader struct {
	delta  span.Delta
	faults []Fault
}

func (r *reader) fault(object string, err error) {
	r.faults = append(r.faults, Fault{Object: object, Reason: err.Error()})
}

func understands(level uint32) error {
	if level > Level {
		return fmt.Errorf("it needs level %d, and this program understands %d: upgrade it", level, Level)
	}
	return nil
}

func (r *reader) nic(m *NIC) {
	n, err := m.nic()
	if err != nil {
		n = &span.NIC{}
		r.fault(NICObject(m.GetId()), err)
	}
	r.delta.NICs[m.GetId()] = n
}

func (m *NIC) nic() (*span.NIC, error) {
	n := &span.NIC{}
	if err := understands(m.GetMinLevel()); err != nil {
		return nil, err
	}
	if m.GetAbsent() {
		return n, nil
	}
	record := &secgroup.NIC{ID: m.GetId(), Account: m.GetAccount(), Network: m.GetNetwork(), DHCPServer: m.GetDhcpServer(), Hosts: m.GetHosts()}
	var err error
	switch len(m.GetMac()) {
	case 0:
	case len(record.MAC):
		record.MAC = secgroup.MAC(m.GetMac())
	default:
		return nil, fmt.Errorf("mac: %d bytes", len(m.GetMac()))
	}
	if record.Enforcement, err = value("enforcement", enforcements, m.GetEnforcement()); err != nil {
		return nil, err
	}
	if record.Addresses, err = addresses("addresses", m.GetAddresses()); err != nil {
		return nil, err
	}
	if record.AllowedAddresses, err = prefixes("allowed_addresses", m.GetAllowedAddresses()); err != nil {
		return nil, err
	}
	n.Record = record
	for _, ref := range m.GetGroups() {
		n.Groups = append(n.Groups, ref.ref())
	}
	return n, nil
}

func (r *reader) network(m *Network) {
	n, err := m.network()
	if err != nil {
		n = nil
		r.fault(NetworkObject(m.GetId()), err)
	}
	r.delta.Networks[m.GetId()] = n
}

func (m *Network) network() (*secgroup.Network, error) {
	n := &secgroup.Network{ID: m.GetId(), Local: m.GetLocal(), RoutingDomain: m.GetRoutingDomain()}
	err := understands(m.GetMinLevel())
	if err != nil {
		return nil, err
	}
	if m.GetVlan() > 4094 {
		return nil, fmt.Errorf("vlan: %d is none", m.GetVlan())
	}
	n.VLAN = uint16(m.GetVlan())
	if n.Prefixes, err = prefixes("prefixes", m.GetPrefixes()); err != nil {
		return nil, err
	}
	n.Gateways, err = addresses("gateways", m.GetGateways())
	return n, err
}

func (r *reader) group(m *Group) {
	ref := m.GetRef().ref()
	g, err := m.group()
	if err != nil {
		g = &secgroup.Group{GroupRef: ref, EgressPolicy: secgroup.EgressListed}
		r.fault(GroupObject(ref), err)
	}
	r.delta.Groups[ref] = g
}

func (m *Group) group() (*secgroup.Group, error) {
	g := &secgroup.Group{GroupRef: m.GetRef().ref(), Rules: make([]secgroup.Rule, len(m.GetRules()))}
	err := understands(m.GetMinLevel())
	if err != nil {
		return nil, err
	}
	if g.EgressPolicy, err = value("egress_policy", egressPolicies, m.GetEgressPolicy()); err != nil {
		return nil, err
	}
	for i, rule := range m.GetRules() {
		if g.Rules[i], err = rule.rule(); err != nil {
			return nil, fmt.Errorf("rule %s: %w", rule.GetId(), err)
		}
	}
	return g, nil
}

func (m *Rule) rule() (r secgroup.Rule, err error) {
	r = secgroup.Rule{ID: m.GetId(), Enabled: m.GetEnabled()}
	if r.Direction, err = value("direction", directions, m.GetDirection()); err != nil {
		return r, err
	}
	if r.Direction == "" {
		return r, errors.New("direction: none")
	}
	if r.Family, err = value("family", families, m.GetFamily()); err != nil {
		return r, err
	}
	if r.Protocol, err = protocol(m.GetProtocol()); err != nil {
		return r, err
	}
	if r.PortMin, err = port("port_min", m.GetPortMin()); err != nil {
		return r, err
	}
	if r.PortMax, err = port("port_max", m.GetPortMax()); err != nil {
		return r, err
	}
	if r.ICMPType, err = opt8("icmp_type", m.IcmpType); err != nil {
		return r, err
	}
	if r.ICMPCode, err = opt8("icmp_code", m.IcmpCode); err != nil {
		return r, err
	}
	if r.RemoteCIDR, err = prefix("remote_cidr", m.GetRemoteCidr()); err != nil {
		return r, err
	}
	r.RemoteGroup = m.GetRemoteGroup().ref()
	return r, nil
}

// protocol takes a protocol as it was written: one that is normalised.
func protocol(s string) (secgroup.Protocol, error) {
	p, err := secgroup.ParseProtocol(s)
	if err == nil && string(p) != s {
		err = fmt.Errorf("protocol: %q is not as it is written", s)
	}
	return p, err
}

func opt8(what string, v *uint32) (secgroup.Opt8, error) {
	switch {
	case v == nil:
		return secgroup.Opt8{}, nil
	case *v > 0xff:
		return secgroup.Opt8{}, fmt.Errorf("%s: %d is none", what, *v)
	}
	return secgroup.Some8(uint8(*v)), nil
}

func (r *reader) members(m *Members) {
	l := span.Label{Group: m.GetGroup().ref(), Domain: m.GetDomain()}
	c := span.Change{Reset: m.GetReset_()}
	var err error
	if c.Add, err = unpack("add", m.GetAdd4(), m.GetAdd6()); err == nil {
		c.Remove, err = unpack("remove", m.GetRemove4(), m.GetRemove6())
	}
	if err != nil {
		c = span.Change{Reset: true}
		r.fault(MembersObject(l.Group), err)
	}
	if _, again := r.delta.Members[l]; again { // the rest of what was long
		one := span.Delta{Members: map[span.Label]span.Change{l: r.delta.Members[l]}}
		c = span.Merge(one, span.Delta{Members: map[span.Label]span.Change{l: c}}).Members[l]
	}
	r.delta.Members[l] = c
}

func (r *reader) baseline(m *Baseline) {
	b, err := m.baseline()
	if err != nil {
		b = &secgroup.Baseline{}
		r.fault(BaselineObject, err)
	}
	r.delta.Baseline = b
}

func (m *Baseline) baseline() (*secgroup.Baseline, error) {
	b := &secgroup.Baseline{}
	if err := understands(m.GetMinLevel()); err != nil {
		return nil, err
	}
	for _, a := range m.GetAddresses() {
		var out secgroup.BaselineAddress
		var err error
		if out.Address, err = address("address", a.GetAddress()); err != nil {
			return nil, err
		}
		if out.Protocol, err = protocol(a.GetProtocol()); err != nil {
			return nil, err
		}
		if out.Port, err = port("port", a.GetPort()); err != nil {
			return nil, err
		}
		b.Addresses = append(b.Addresses, out)
	}
	return b, nil
}
