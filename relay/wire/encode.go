package wire

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// The fields of a Delta that are encoded by themselves.
const (
	fieldNIC      = protowire.Number(6)
	fieldNetwork  = protowire.Number(8)
	fieldGroup    = protowire.Number(10)
	fieldMembers  = protowire.Number(12)
	fieldBaseline = protowire.Number(13)
)

// Encode returns the messages of a delta, at least one, each of about most bytes at
// most unless one object is longer. All but the last one say that more follows. Their
// number, state and plugs are for the caller to set. They are to be sent, or marshalled:
// what they have of the policy is encoded already. It is an error if that cannot be.
func Encode(d span.Delta, most int) ([]*Delta, error) { return NewEncoder(0).Encode(d, most) }

// Encode is that of the package.
func (e *Encoder) Encode(d span.Delta, most int) ([]*Delta, error) {
	w := writer{encoder: e, most: most, now: &Delta{Full: d.Full}}
	for _, id := range slices.Sorted(maps.Keys(d.NICs)) {
		if n := d.NICs[id]; n != nil {
			w.put(fieldNIC, nil, func() proto.Message { return fromNIC(id, n) }) // it is mostly at one host
		} else {
			w.fits(len(id) + tagged).NicsGone = append(w.now.NicsGone, id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(d.Networks)) {
		if n := d.Networks[id]; n != nil {
			w.put(fieldNetwork, n, func() proto.Message { return fromNetwork(n) })
		} else {
			w.fits(len(id) + tagged).NetworksGone = append(w.now.NetworksGone, id)
		}
	}
	for _, ref := range slices.SortedFunc(maps.Keys(d.Groups), secgroup.GroupRef.Compare) {
		if g := d.Groups[ref]; g != nil {
			w.put(fieldGroup, g, func() proto.Message { return fromGroup(g) })
		} else {
			m := fromRef(ref)
			w.fits(proto.Size(m) + tagged).GroupsGone = append(w.now.GroupsGone, m)
		}
	}
	for _, l := range slices.SortedFunc(maps.Keys(d.Members), compareLabels) {
		w.members(l, d.Members[l])
	}
	if d.Baseline != nil {
		w.put(fieldBaseline, d.Baseline, func() proto.Message { return fromBaseline(d.Baseline) })
	}
	w.finish()
	return w.done, w.failed
}

func compareLabels(a, b span.Label) int {
	return cmp.Or(a.Group.Compare(b.Group), cmp.Compare(a.Domain, b.Domain))
}

// tagged is about what a field takes besides what is in it, in bytes.
const tagged = 6

// writer fills messages.
type writer struct {
	encoder *Encoder
	most    int // bytes of a message
	size    int // of now
	now     *Delta
	encoded []byte // fields of now
	done    []*Delta
	failed  error
}

// fits returns the message that takes something of that many bytes.
func (w *writer) fits(size int) *Delta {
	if w.size > 0 && w.size+size > w.most {
		w.now.More = true
		w.finish()
		w.now, w.encoded, w.size = &Delta{}, nil, 0
	}
	w.size += size
	return w.now
}

// finish ends a message. What is encoded of it goes as fields that nobody has looked
// into, which they are until they are read.
func (w *writer) finish() {
	w.now.ProtoReflect().SetUnknown(w.encoded)
	w.done = append(w.done, w.now)
}

// put adds an object to a message; the key is nil, or the same for the same object.
func (w *writer) put(field protowire.Number, key any, m func() proto.Message) {
	b, err := w.encoder.field(field, key, m)
	if err != nil {
		w.failed = err
		return
	}
	w.fits(len(b))
	w.encoded = append(w.encoded, b...)
}

// members writes a change of members, in parts if it is long: these are changes one
// after the other.
func (w *writer) members(l span.Label, c span.Change) {
	few := max(1, w.most/16) // addresses
	for begin := true; begin || len(c.Add)+len(c.Remove) > 0; begin = false {
		add := c.Add[:min(few, len(c.Add))]
		remove := c.Remove[:min(few-len(add), len(c.Remove))]
		c.Add, c.Remove = c.Add[len(add):], c.Remove[len(remove):]
		reset := c.Reset && begin
		w.put(fieldMembers, part{l, reset, first(add), len(add), first(remove), len(remove)}, func() proto.Message {
			m := &Members{Group: fromRef(l.Group), Domain: l.Domain, Reset_: reset}
			m.Add4, m.Add6 = pack(add)
			m.Remove4, m.Remove6 = pack(remove)
			return m
		})
	}
}

// part tells a change of members from others by where its lists are: nobody changes
// one that was handed out.
type part struct {
	label   span.Label
	reset   bool
	add     *netip.Addr
	adds    int
	remove  *netip.Addr
	removes int
}

// first is where a list is, nil if it is empty.
func first(list []netip.Addr) *netip.Addr {
	if len(list) == 0 {
		return nil
	}
	return &list[0]
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
	return new(uint32(o.Value))
}

func fromBaseline(b *secgroup.Baseline) *Baseline {
	m := &Baseline{}
	for _, a := range b.Addresses {
		m.Addresses = append(m.Addresses, &BaselineAddress{Address: a.Address.AsSlice(), Protocol: string(a.Protocol), Port: uint32(a.Port)})
	}
	return m
}
