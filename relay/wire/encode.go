package wire

import (
	"cmp"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// Encode returns the messages of a delta, at least one, each of about most bytes at
// most unless one object is longer. All but the last one say that more follows. Their
// number, state and plugs are for the caller to set.
func Encode(d span.Delta, most int) []*Delta {
	w := writer{most: most, now: &Delta{Full: d.Full}}
	for _, id := range slices.Sorted(maps.Keys(d.NICs)) {
		if n := d.NICs[id]; n != nil {
			m := fromNIC(id, n)
			w.fits(proto.Size(m)).Nics = append(w.now.Nics, m)
		} else {
			w.fits(len(id)).NicsGone = append(w.now.NicsGone, id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(d.Networks)) {
		if n := d.Networks[id]; n != nil {
			m := fromNetwork(n)
			w.fits(proto.Size(m)).Networks = append(w.now.Networks, m)
		} else {
			w.fits(len(id)).NetworksGone = append(w.now.NetworksGone, id)
		}
	}
	for _, ref := range slices.SortedFunc(maps.Keys(d.Groups), secgroup.GroupRef.Compare) {
		if g := d.Groups[ref]; g != nil {
			m := fromGroup(g)
			w.fits(proto.Size(m)).Groups = append(w.now.Groups, m)
		} else {
			m := fromRef(ref)
			w.fits(proto.Size(m)).GroupsGone = append(w.now.GroupsGone, m)
		}
	}
	for _, l := range slices.SortedFunc(maps.Keys(d.Members), compareLabels) {
		w.members(l, d.Members[l])
	}
	if d.Baseline != nil {
		m := fromBaseline(d.Baseline)
		w.fits(proto.Size(m)).Baseline = m
	}
	return append(w.done, w.now)
}

func compareLabels(a, b span.Label) int {
	return cmp.Or(a.Group.Compare(b.Group), cmp.Compare(a.Domain, b.Domain))
}

// writer fills messages.
type writer struct {
	most, size int // in bytes
	now        *Delta
	done       []*Delta
}

// fits returns the message that takes something of that many bytes.
func (w *writer) fits(size int) *Delta {
	size += 6 // its tag and length
	if w.size > 0 && w.size+size > w.most {
		w.now.More = true
		w.done, w.now, w.size = append(w.done, w.now), &Delta{}, 0
	}
	w.size += size
	return w.now
}

// members writes a change of members, in parts if it is long: these are changes one
// after the other.
func (w *writer) members(l span.Label, c span.Change) {
	few := max(1, w.most/16) // addresses
	for first := true; first || len(c.Add)+len(c.Remove) > 0; first = false {
		m := &Members{Group: fromRef(l.Group), Domain: l.Domain, Reset_: c.Reset && first}
		add := c.Add[:min(few, len(c.Add))]
		remove := c.Remove[:min(few-len(add), len(c.Remove))]
		c.Add, c.Remove = c.Add[len(add):], c.Remove[len(remove):]
		m.Add4, m.Add6 = pack(add)
		m.Remove4, m.Remove6 = pack(remove)
		w.fits(proto.Size(m)).Members = append(w.now.Members, m)
	}
}

func fromNIC(id string, n *span.NIC) *NIC {
	r := n.Record
	if r == nil {
		return &NIC{Id: id, Absent: true}
	}
	m := &NIC{
		Id: id, Account: r.Account, Network: r.Network, Addresses: fromAddresses(r.Addresses),
		AllowedAddresses: fromPrefixes(r.AllowedAddresses), Enforcement: number[secgroup.Enforcement, Enforcement](enforcements, r.Enforcement),
		DhcpServer: r.DHCPServer, Hosts: r.Hosts,
	}
	if r.MAC != (secgroup.MAC{}) {
		m.Mac = r.MAC[:]
	}
	for _, ref := range n.Groups {
		m.Groups = append(m.Groups, fromRef(ref))
	}
	return m
}

func fromNetwork(n *secgroup.Network) *Network {
	return &Network{
		Id: n.ID, Prefixes: fromPrefixes(n.Prefixes), Vlan: uint32(n.VLAN), Local: n.Local,
		RoutingDomain: n.RoutingDomain, Gateways: fromAddresses(n.Gateways),
	}
}

func fromGroup(g *secgroup.Group) *Group {
	m := &Group{Ref: fromRef(g.GroupRef), EgressPolicy: number[secgroup.EgressPolicy, EgressPolicy](egressPolicies, g.EgressPolicy)}
	for i := range g.Rules {
		m.Rules = append(m.Rules, fromRule(&g.Rules[i]))
	}
	return m
}

func fromRule(r *secgroup.Rule) *Rule {
	m := &Rule{
		Id: r.ID, Direction: number[secgroup.Direction, Direction](directions, r.Direction), Family: number[secgroup.Family, Family](families, r.Family),
		Protocol: string(r.Protocol), PortMin: uint32(r.PortMin), PortMax: uint32(r.PortMax), IcmpType: fromOpt8(r.ICMPType), IcmpCode: fromOpt8(r.ICMPCode),
		RemoteCidr: fromPrefix(r.RemoteCIDR), Enabled: r.Enabled,
	}
	if r.RemoteGroup != (secgroup.GroupRef{}) {
		m.RemoteGroup = fromRef(r.RemoteGroup)
	}
	return m
}

func fromOpt8(o secgroup.Opt8) *uint32 {
	if !o.Set {
		return nil
	}
	return proto.Uint32(uint32(o.Value))
}

func fromBaseline(b *secgroup.Baseline) *Baseline {
	m := &Baseline{}
	for _, a := range b.Addresses {
		m.Addresses = append(m.Addresses, &BaselineAddress{Address: a.Address.AsSlice(), Protocol: string(a.Protocol), Port: uint32(a.Port)})
	}
	return m
}
