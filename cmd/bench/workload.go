package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
)

// size is how much there is of everything.
type size struct{ Ports, Groups, Rules, Members int }

var sizes = map[string]size{
	"XS": {Ports: 4, Groups: 4, Rules: 20, Members: 40},
	"S":  {Ports: 10, Groups: 20, Rules: 100, Members: 1000},
	"M":  {Ports: 50, Groups: 100, Rules: 1000, Members: 10000},
	"L":  {Ports: 100, Groups: 500, Rules: 5000, Members: 50000},
}

// workload is one network with groups, their rules and members, and the local
// ports of one host. It is a pure function of its size:
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
type workload struct {
	size
	groups  [][]string // rules of each group, as stack.ParseRule reads them
	members []endpoint
	ports   []endpoint
}

// endpoint is a NIC.
type endpoint struct {
	id      string
	address netip.Addr
	mac     string
	groups  []int
}

// Where the addresses start.
var (
	portBase   = netip.MustParseAddr("10.0.1.0")
	memberBase = netip.MustParseAddr("10.1.0.0")
	bigBase    = netip.MustParseAddr("11.0.0.0")
)

func makeWorkload(s size) workload {
	w := workload{size: s}
	for g := range s.Groups {
		rules := []string{"egress all to any"}
		for k := range max(1, s.Rules/s.Groups) {
			from := groupID((g + 1 + k) % s.Groups)
			switch k % 5 {
			case 0:
				rules = append(rules, fmt.Sprintf("ingress tcp %d from %s", 1000+k, from))
			case 1:
				rules = append(rules, fmt.Sprintf("ingress tcp 8000-%d from %s", 8079+k, from))
			case 2:
				rules = append(rules, fmt.Sprintf("ingress udp %d from %s", 2000+k, from))
			case 3:
				rules = append(rules, fmt.Sprintf("ingress icmp from %s", from))
			case 4:
				rules = append(rules, fmt.Sprintf("ingress tcp %d from 192.168.%d.0/24", 3000+k, g%256))
			}
		}
		w.groups = append(w.groups, rules)
	}
	for i := range s.Members {
		w.members = append(w.members, endpoint{fmt.Sprintf("m%d", i), offset(memberBase, i), mac(6, i), []int{i % s.Groups}})
	}
	for j := range s.Ports {
		groups := []int{2 * j % s.Groups, (2*j + 1) % s.Groups}
		slices.Sort(groups)
		w.ports = append(w.ports, endpoint{fmt.Sprintf("p%d", j), offset(portBase, j), mac(2, j), slices.Compact(groups)})
	}
	return w
}

// bigGroup has n members at every other address.
func bigGroup(n int) []endpoint {
	var members []endpoint
	for i := range n {
		members = append(members, endpoint{fmt.Sprintf("b%d-%d", n, i), offset(bigBase, 16*n+2*i), mac(0x0a, 16*n+2*i), nil})
	}
	return members
}

// spare is the i-th NIC that is in none of the above.
func spare(i int) endpoint {
	return endpoint{fmt.Sprintf("s%d", i), offset(bigBase, 8_000_000+2*i+1), mac(0x0e, i), nil}
}

func groupID(g int) string { return fmt.Sprintf("g%d", g) }

// offset is the IPv4 address that many after base.
func offset(base netip.Addr, n int) netip.Addr {
	b := base.As4()
	binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+uint32(n))
	return netip.AddrFrom4(b)
}

// mac is a locally administered address: two digits and n.
func mac(prefix byte, n int) string {
	b := []byte{prefix, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(b[2:], uint32(n))
	return net.HardwareAddr(b).String()
}
