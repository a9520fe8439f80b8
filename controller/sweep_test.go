package controller

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
)

// TestRevocation: when a change is reported as applied, connections that nothing
// allows any more are gone at both ends, and those that something allows are as
// they were.
func TestRevocation(t *testing.T) {
	r, _ := crowd(t)
	pid, port := r.ovs.VswitchdPID(), uint16(clientPort)
	toWeb := tcp(2, 1, 80) // a2, in db, to a1, in web
	for _, c := range []struct {
		name   string
		change func(p *small.Policy) []secgroup.Change
		conns  []firstPacket
		cut    []firstPacket
	}{
		{"a rule removed", func(p *small.Policy) []secgroup.Change {
			return []secgroup.Change{p.NoRule("web", "r1")}
		}, []firstPacket{toWeb, udp(2, 1, 53)}, []firstPacket{toWeb}},
		{"a rule disabled", func(p *small.Policy) []secgroup.Change {
			return []secgroup.Change{p.With("web", func(g *secgroup.Group) { g.Rule("r1").Enabled = false })}
		}, []firstPacket{toWeb}, []firstPacket{toWeb}},
		{"a rule narrowed", func(p *small.Policy) []secgroup.Change {
			return []secgroup.Change{p.With("web", func(g *secgroup.Group) { g.Rule("r1").PortMin, g.Rule("r1").PortMax = 81, 90 })}
		}, []firstPacket{toWeb, udp(2, 1, 53)}, []firstPacket{toWeb}},
		{"a rule removed, another allows it still", func(p *small.Policy) []secgroup.Change {
			return []secgroup.Change{p.Rule("web", "r9", secgroup.Ingress, "tcp", 0, ""), p.NoRule("web", "r1")}
		}, []firstPacket{toWeb}, nil},
		{"the other end leaves the remote group", func(*small.Policy) []secgroup.Change {
			return []secgroup.Change{secgroup.Delete(small.Attach("db", "a2").Key())}
		}, []firstPacket{toWeb, udp(2, 1, 53)}, []firstPacket{toWeb, udp(2, 1, 53)}},
		{"the end leaves the group that lets it in", func(*small.Policy) []secgroup.Change {
			return []secgroup.Change{secgroup.Delete(small.Attach("web", "a1").Key())}
		}, []firstPacket{toWeb}, []firstPacket{toWeb}},
		{"the group is deleted", func(p *small.Policy) []secgroup.Change {
			return []secgroup.Change{secgroup.Delete(small.Attach("web", "a1").Key()), secgroup.Delete(secgroup.GroupKey(small.Ref("web")))}
		}, []firstPacket{toWeb}, []firstPacket{toWeb}},
		{"its address is taken away", func(*small.Policy) []secgroup.Change {
			n := *small.NIC(2)
			n.Addresses = slices.DeleteFunc(slices.Clone(n.Addresses), func(a netip.Addr) bool { return a.Is4() })
			return []secgroup.Change{secgroup.Put(&n)}
		}, []firstPacket{toWeb}, []firstPacket{toWeb}},
		{"the NIC is deleted", func(*small.Policy) []secgroup.Change {
			return []secgroup.Change{secgroup.Delete(secgroup.NICKey("a2")), secgroup.Delete(small.Attach("db", "a2").Key())}
		}, []firstPacket{toWeb, udp(2, 1, 53)}, []firstPacket{toWeb, udp(2, 1, 53)}},
		{"egress becomes restricted", func(p *small.Policy) []secgroup.Change {
			return []secgroup.Change{p.With("db", func(g *secgroup.Group) { g.EgressPolicy = secgroup.EgressListed })}
		}, []firstPacket{toWeb, tcp(3, 4, 22)}, []firstPacket{toWeb}},
		{"egress becomes restricted but for it", func(p *small.Policy) []secgroup.Change {
			return []secgroup.Change{p.Rule("db", "e1", secgroup.Egress, "tcp", 80, "web")}
		}, []firstPacket{toWeb, udp(2, 1, 53)}, []firstPacket{udp(2, 1, 53)}},
		{"the group acts elsewhere", func(p *small.Policy) []secgroup.Change {
			return []secgroup.Change{p.With("db", func(g *secgroup.Group) {
				g.NetworkScope, g.Networks = secgroup.ScopeListed, []string{"elsewhere"}
			})}
		}, []firstPacket{toWeb}, []firstPacket{toWeb}},
		{"a group attached ends the default membership", func(*small.Policy) []secgroup.Change {
			return []secgroup.Change{secgroup.Put(small.Attach("db", "a4"))}
		}, []firstPacket{toWeb, tcp(3, 4, 22)}, []firstPacket{tcp(3, 4, 22)}},
		{"a rule removed, ICMPv6", func(p *small.Policy) []secgroup.Change {
			return []secgroup.Change{p.NoRule("web", "ping")}
		}, []firstPacket{ping6(2, 1), toWeb}, []firstPacket{ping6(2, 1)}},
	} {
		t.Log(c.name)
		p, changes := crowded()
		port++
		for _, list := range [][]firstPacket{c.conns, c.cut} {
			for i := range list {
				list[i].sport = port // not the connections of before, which are kept cut
			}
		}
		r.applied(r.write(append(changes, secgroup.Delete(small.Attach("db", "a4").Key()))...), "a1", "a2", "a3", "a4")
		r.open(c.conns...)
		r.applied(r.write(c.change(p)...))
		for _, conn := range c.conns {
			if slices.Contains(c.cut, conn) {
				r.isCut(conn)
			} else {
				r.isOpen(conn)
			}
		}
		// What keeps on sending is judged anew.
		for _, conn := range c.cut {
			for _, p := range []firstPacket{conn, conn.reply()} {
				r.deliver(p.iface(), p.frame(t))
			}
		}
		for _, conn := range c.cut {
			r.isCut(conn)
		}
		if r.ovs.VswitchdPID() != pid {
			t.Fatal("ovs-vswitchd died")
		}
	}
}

// crowded is a policy with a1 in web, a2 in db, and a3 and a4 in the default
// group. Web lets in TCP 80, UDP 53 and ICMP from db.
func crowded() (*small.Policy, []secgroup.Change) {
	p := small.New()
	p.Rule("web", "r1", secgroup.Ingress, "tcp", 80, "db")
	p.Rule("web", "r2", secgroup.Ingress, "udp", 53, "db")
	p.Rule("web", "ping", secgroup.Ingress, "icmp", 0, "db")
	changes := p.Base()
	for n := 1; n <= 4; n++ {
		changes = append(changes, secgroup.Put(small.NIC(n)))
	}
	return p, append(changes, secgroup.Put(small.Attach("web", "a1")), secgroup.Put(small.Attach("db", "a2")))
}

// crowd is a host with that policy.
func crowd(t *testing.T) (*rig, *small.Policy) {
	t.Helper()
	r := newRig(t)
	p, changes := crowded()
	rev := r.write(changes...)
	r.start()
	r.plugged(1, 2, 3, 4)
	r.applied(rev)
	return r, p
}

// TestRevocationConcernsOneEnd: the end that stops allowing a connection cuts it
// alone; at the other it stays as it is.
func TestRevocationConcernsOneEnd(t *testing.T) {
	r, p := crowd(t)
	r.write(secgroup.Put(small.NIC(9)), secgroup.Put(small.Attach("db", "a9"))) // on another host
	rev := r.write(p.Rule("db", "in", secgroup.Ingress, "udp", 53, ""))
	r.applied(rev)
	out := udp(3, 9, 53)
	r.send(out)
	r.eventually(patience, "is tracked at its own end", func() string {
		if n := len(r.entries(out)); n != 1 {
			return fmt.Sprintf("%d entries", n)
		}
		return ""
	})
	r.applied(r.write(p.NoRule("db", "in")))
	if found := r.entries(out); len(found) != 1 || ofrules.IsCut(found[0].Labels) {
		t.Errorf("it has entries %+v", found)
	}
}

// TestRevocationAcrossHosts: what comes in by the uplink is cut when its sender,
// which is on another host, loses what it was let in by.
func TestRevocationAcrossHosts(t *testing.T) {
	r, p := newRig(t), small.New()
	r.withUplink()
	p.Rule("web", "r1", secgroup.Ingress, "tcp", 80, "db")
	p.Rule("web", "r2", secgroup.Ingress, "udp", 53, "")
	rev := r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(9)), secgroup.Put(small.Attach("web", "a1")), secgroup.Put(small.Attach("db", "a9")))...)
	r.start()
	r.plugged(1)
	r.applied(rev)
	lost, kept := tcp(9, 1, 80), udp(9, 1, 53)
	r.sendAt("up", lost)
	r.sendAt("up", kept)
	r.eventually(patience, "both are tracked", func() string {
		if n := len(r.entries(lost)) + len(r.entries(kept)); n != 2 {
			return fmt.Sprintf("%d entries", n)
		}
		return ""
	})
	r.applied(r.write(secgroup.Delete(small.Attach("db", "a9").Key())))
	shut := func() {
		t.Helper()
		if found := r.entries(lost); len(found) != 1 || r.cutIn(lost) != 1 {
			t.Errorf("%v has entries %+v", lost, found)
		}
	}
	shut()
	if n := len(r.entries(kept)); n != 1 {
		t.Errorf("%v has %d entries", kept, n)
	}
	r.deliver("up", lost.frame(t))
	shut()
}

// TestAdditionsSweepNothing: what only adds costs no look at connections.
func TestAdditionsSweepNothing(t *testing.T) {
	r, p := crowd(t)
	conn := tcp(2, 1, 80)
	r.open(conn)
	before := r.sweeps()
	for name, change := range map[string]secgroup.Change{
		"a rule":                p.Rule("web", "r7", secgroup.Ingress, "tcp", 443, "default"),
		"one more group":        secgroup.Put(small.Attach("web", "a2")),
		"a group":               secgroup.Put(&secgroup.Group{GroupRef: small.Ref("new"), Name: "new", EgressPolicy: "auto", NetworkScope: "any"}),
		"an instance":           secgroup.Put(&secgroup.Instance{InstanceRef: secgroup.InstanceRef{Account: "acme", ID: "i"}}),
		"a group's description": p.With("db", func(g *secgroup.Group) { g.Description = "databases" }),
	} {
		r.applied(r.write(change))
		if now := r.counter("sweep_seconds"); now != before {
			t.Errorf("%s: swept %v times", name, now-before)
			before = now
		}
	}
	r.isOpen(conn)
}

// sweeps is how often connections were looked at, when that is over: the zone of
// a NIC that was just plugged is looked at too.
func (r *rig) sweeps() float64 {
	r.t.Helper()
	last, since := -1.0, time.Now()
	r.eventually(patience, "sweeping is over", func() string {
		if now := r.counter("sweep_seconds"); now != last {
			last, since = now, time.Now()
		}
		if time.Since(since) < 100*time.Millisecond {
			return "it goes on"
		}
		return ""
	})
	return last
}
