package faults

import "fmt"

// Flow is a conversation between two VMs that goes on and on, whether it is
// allowed or not.
type Flow struct {
	Name     string
	From, To string // machines
	Proto    string // "udp", "tcp"
	Family   int    // 4, 6
	Port     uint16 // of To
	// ClientPort is From's port of UDP; TCP takes what the kernel gives.
	ClientPort uint16
	// Both ends send; else From alone does, or begins connections.
	Both  bool
	Slots []int // that decide about it
}

// flows are all flows. Those that no slot decides about are allowed, or
// forbidden, all the time.
func flows() []Flow {
	var all []Flow
	add := func(from, to, proto string, family int, port uint16, both bool, slots ...int) {
		all = append(all, Flow{
			Name: fmt.Sprintf("%s%d %s>%s:%d", proto, family, from, to, port),
			From: from, To: to, Proto: proto, Family: family, Port: port, Both: both, Slots: slots,
		})
	}
	pairs := [][2]string{{"c1", "s1"}, {"c1", "s2"}, {"c2", "s1"}, {"c2", "s2"}}
	// Allowed all the time, both ends send.
	for i, p := range pairs {
		add(p[0], p[1], "udp", 4+2*(i%2), 5000, true)
		add(p[0], p[1], "tcp", 6-2*(i%2), 5000, true)
	}
	add("s1", "c1", "udp", 4, 6000, true)
	add("s2", "c1", "udp", 6, 6000, true)
	add("s1", "c2", "tcp", 4, 6000, true)
	add("m", "s1", "udp", 4, 5000, true)
	add("m", "s2", "udp", 4, 5000, true)
	add("m", "s2", "tcp", 4, 5000, true)
	// Forbidden all the time: other ports, other people, either way.
	for i, p := range pairs {
		add(p[0], p[1], "udp", 4+2*(i%2), 5900, false)
		add(p[1], p[0], "udp", 6-2*(i%2), 5900, false)
	}
	add("c1", "s2", "tcp", 4, 5900, false)
	add("x1", "s1", "udp", 4, 5000, false)
	add("x1", "s2", "udp", 4, 5000, false)
	add("x2", "s1", "tcp", 4, 5000, false)
	add("x2", "m", "udp", 4, 5900, false)
	add("s1", "x2", "tcp", 6, 6000, false)
	// Forbidden all the time, and both ends send; the one end may send to nobody.
	add("x1", "s2", "udp", 4, 5902, true)
	// By the rules that come and go.
	for i := range ruleSlots {
		port := uint16(rulePort(i))
		if ruleProto(i) == "udp" {
			add("c1", "s2", "udp", 4, port, true, i)
			add("c2", "s1", "udp", 4, port, true, i)
			add("c1", "s1", "udp", 6, port, true, i)
		} else {
			add("c1", "s1", "tcp", 4, port, true, i)
			add("c2", "s1", "tcp", 6, port, true, i)
		}
	}
	// By memberships, and by who may send.
	mem0, mem1, egress := ruleSlots, ruleSlots+1, ruleSlots+2
	add("c1", "s1", "udp", 4, 7100, true, mem0)
	add("c1", "s2", "udp", 4, 7100, true, mem0)
	add("c2", "s1", "udp", 4, 7101, true, mem1)
	add("c2", "s2", "udp", 6, 7101, true, mem1)
	add("e1", "s1", "udp", 4, 5001, true, egress)
	add("e1", "s2", "udp", 4, 5001, true, egress)
	// By whether the policy knows a NIC, and whether it is filtered.
	exists, filtered := ruleSlots+3, ruleSlots+4
	add("c1", "n2", "udp", 4, 5000, true, exists)
	add("c2", "n2", "udp", 6, 5000, true, exists)
	add("c2", "n2", "tcp", 4, 5000, true, exists)
	add("n2", "c1", "udp", 4, 6000, true, exists)
	add("x1", "n2", "udp", 4, 5000, false)
	add("x1", "f2", "udp", 4, 5950, false, filtered)
	add("x2", "f2", "udp", 6, 5950, true, filtered)
	add("c1", "f2", "tcp", 4, 5950, false, filtered)
	for i := range all {
		all[i].ClientPort = uint16(20000 + i)
	}
	return all
}
