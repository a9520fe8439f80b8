package main

import "net/netip"

// policy is what every engine but none enforces: the client is in one group, the server in
// another, whose rules are those of rules; three more groups have members elsewhere.
type policy struct {
	listed  bool // egress is restricted
	members int  // of each of the three
}

// remotes are the groups that have members elsewhere.
func remotes() []string { return []string{"db", "cache", "batch"} }

// member is an address of a group of remotes. Those of db, of which there are 2,016, lie
// among those that the client may send from: the last byte is even where the client's is odd.
func (p policy) member(group, i int) netip.Addr {
	if group == 0 {
		return netip.AddrFrom4([4]byte{10, 0, byte(i % 16), byte(2 * (i/16%126 + 2))})
	}
	return netip.AddrFrom4([4]byte{10, byte(group), byte(i / 250), byte(i%250 + 1)})
}

// rules are the server's.
type service struct {
	protocol string
	from, to uint16
	group    string // "": everybody
}

// service is what the measured traffic uses.
const servicePort = 7000

func rules() []service {
	return []service{
		{protocol: "tcp", from: 80, to: 80}, {protocol: "tcp", from: 443, to: 443},
		{protocol: "tcp", from: servicePort, to: servicePort, group: "client"},
		{protocol: "tcp", from: 8000, to: 8079, group: "db"}, {protocol: "udp", from: 53, to: 53, group: "db"}, {protocol: "tcp", from: 5432, to: 5432, group: "db"},
		{protocol: "tcp", from: 6379, to: 6379, group: "cache"}, {protocol: "tcp", from: 9000, to: 9009, group: "batch"},
		{protocol: "all", group: "server"},
	}
}
