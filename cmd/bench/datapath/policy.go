package main

import "net/netip"

// policy is what every engine but none enforces: the client is in one group, the server in
// another, whose rules are those of rules; three more groups have members elsewhere.
type policy struct {
	listed  bool // egress is restricted
	members int  // of each of the three
	more    bool // there is a rule that no traffic is about
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

// service is what a rule is about.
type service struct {
	protocol string
	from, to uint16
	group    string // "": everybody
}

const (
	servicePort = 7000 // what the measured traffic uses
	heldPort    = 80   // what is held open beside it uses
)

// rules are the server's.
func (p policy) rules() []service {
	r := []service{
		{protocol: "tcp", from: 80, to: 80}, {protocol: "tcp", from: 443, to: 443},
		{protocol: "tcp", from: servicePort, to: servicePort, group: "client"},
		{protocol: "tcp", from: 8000, to: 8079, group: "db"}, {protocol: "udp", from: 53, to: 53, group: "db"}, {protocol: "tcp", from: 5432, to: 5432, group: "db"},
		{protocol: "tcp", from: 6379, to: 6379, group: "cache"}, {protocol: "tcp", from: 9000, to: 9009, group: "batch"},
		{protocol: "all", group: "server"},
	}
	if p.more {
		r = append(r, service{protocol: "tcp", from: 9999, to: 9999, group: "db"})
	}
	return r
}
