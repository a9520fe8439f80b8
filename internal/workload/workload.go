// Package workload is the policy that Ringfence is measured with: one network
// with groups, their rules and members, and the NICs of one host. It is a pure
// function of its size, so that figures of different days compare.
package workload

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// Account and Network are the ids of the only account and the only network,
// which is on VLAN.
const (
	Account = "bench"
	Network = "bench"
	VLAN    = 7
)

// Size is how much there is of everything.
type Size struct{ Ports, Groups, Rules, Members int }

// SizeOf returns the size called XS, S, M, L or 2L, which is twice L.
func SizeOf(name string) (Size, bool) {
	s, ok := map[string]Size{
		"XS": {Ports: 4, Groups: 4, Rules: 20, Members: 40},
		"S":  {Ports: 10, Groups: 20, Rules: 100, Members: 1000},
		"M":  {Ports: 50, Groups: 100, Rules: 1000, Members: 10000},
		"L":  {Ports: 100, Groups: 500, Rules: 5000, Members: 50000},
		"2L": {Ports: 200, Groups: 1000, Rules: 10000, Members: 100000},
	}[name]
	return s, ok
}

// Load is the workload of one size.
//
// Member i is in group i % groups and has the address 10.1.0.0 + i, so that
// the addresses of a group are never adjacent and cannot be summed up in
// prefixes. Port j is in two groups, (2j) % groups and (2j+1) % groups. Every
// group lets everything out, and rule k of group g lets in
//
//	k % 5 == 0  tcp port 1000+k          from group (g+1+k) % groups
//	k % 5 == 1  tcp ports 8000..8079+k   from group (g+1+k) % groups
//	k % 5 == 2  udp port 2000+k          from group (g+1+k) % groups
//	k % 5 == 3  icmp                     from group (g+1+k) % groups
//	k % 5 == 4  tcp port 3000+k          from 192.168.(g%256).0/24
type Load struct {
	Groups  []*secgroup.Group
	Members []Endpoint
	Ports   []Endpoint
}

// Endpoint is a NIC and the groups it is in.
type Endpoint struct {
	ID      string
	Address netip.Addr
	MAC     secgroup.MAC
	Groups  []int
}

// Where the addresses start.
var (
	portBase   = netip.MustParseAddr("10.0.1.0")
	memberBase = netip.MustParseAddr("10.1.0.0")
	bigBase    = netip.MustParseAddr("11.0.0.0")
)

// Make returns the workload of a size.
func Make(s Size) Load {
	var w Load
	for g := range s.Groups {
		w.Groups = append(w.Groups, makeGroup(s, g))
	}
	for i := range s.Members {
		w.Members = append(w.Members, Endpoint{fmt.Sprintf("m%d", i), offset(memberBase, i), mac(6, i), []int{i % s.Groups}})
	}
	for j := range s.Ports {
		groups := []int{2 * j % s.Groups, (2*j + 1) % s.Groups}
		slices.Sort(groups)
		w.Ports = append(w.Ports, Endpoint{fmt.Sprintf("p%d", j), offset(portBase, j), mac(2, j), slices.Compact(groups)})
	}
	return w
}

func makeGroup(s Size, g int) *secgroup.Group {
	group := &secgroup.Group{GroupRef: Ref(GroupID(g)), Name: GroupID(g)}
	group.Rules = append(group.Rules, secgroup.Rule{ID: "r0", Direction: secgroup.Egress, Protocol: secgroup.ProtocolAll, Enabled: true})
	for k := range max(1, s.Rules/s.Groups) {
		r := secgroup.Rule{ID: fmt.Sprintf("r%d", k+1), Direction: secgroup.Ingress, Protocol: secgroup.ProtocolTCP, Enabled: true}
		switch k % 5 {
		case 0:
			r.PortMin = uint16(1000 + k)
		case 1:
			r.PortMin, r.PortMax = 8000, uint16(8079+k)
		case 2:
			r.Protocol, r.PortMin = secgroup.ProtocolUDP, uint16(2000+k)
		case 3:
			r.Protocol = secgroup.ProtocolICMP
		case 4:
			r.PortMin = uint16(3000 + k)
			r.RemoteCIDR = netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(g), 0}), 24)
		}
		if k%5 != 4 {
			r.RemoteGroup = Ref(GroupID((g + 1 + k) % s.Groups))
		}
		group.Rules = append(group.Rules, r)
	}
	group.Normalize()
	return group
}

// Changed are the groups that changes are about: rules of a group of the first port come and go,
// which name the members of remote, and other is attached to that port.
func (w Load) Changed() (group, remote, other string) {
	first := w.Ports[0].Groups[0]
	return GroupID(first), GroupID((first + 1) % len(w.Groups)), GroupID(w.Ports[len(w.Ports)/2].Groups[0])
}

// Big returns n NICs at every other address, for a group with many members.
func Big(n int) []Endpoint {
	var members []Endpoint
	for i := range n {
		members = append(members, Endpoint{fmt.Sprintf("b%d-%d", n, i), offset(bigBase, 16*n+2*i), mac(0x0a, 16*n+2*i), nil})
	}
	return members
}

// Spare returns the i-th NIC that is in none of the above.
func Spare(i int) Endpoint {
	return Endpoint{fmt.Sprintf("s%d", i), offset(bigBase, 8_000_000+2*i+1), mac(0x0e, i), nil}
}

// GroupID returns the id of the group with a number.
func GroupID(g int) string { return fmt.Sprintf("g%d", g) }

// Ref names a group of Account.
func Ref(id string) secgroup.GroupRef { return secgroup.GroupRef{Account: Account, ID: id} }

// offset is the IPv4 address that many after base.
func offset(base netip.Addr, n int) netip.Addr {
	b := base.As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+uint32(n))
	return netip.AddrFrom4(b)
}

// mac is a locally administered address: two digits and n.
func mac(prefix byte, n int) (m secgroup.MAC) {
	m[0] = prefix
	binary.BigEndian.PutUint32(m[2:], uint32(n))
	return m
}
