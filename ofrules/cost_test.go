package ofrules_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/ringfence/ringfence/internal/workload"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
)

// mods is how many messages a delta is.
func mods(d ofrules.Delta) int { return len(d.Put) + len(d.Delete) }

// cluster is one local NIC in group "local", and a group "remote" with members
// elsewhere that some rules of "local" name.
func cluster(t *testing.T, members, rules int) *loaded {
	t.Helper()
	group := func(id string) *secgroup.Group { return &secgroup.Group{GroupRef: workload.Ref(id), Name: id} }
	local, remote := group("local"), group("remote")
	for i := range rules {
		local.Rules = append(local.Rules, remoteRule(fmt.Sprint("r", i), uint16(1+i)))
	}
	network := &secgroup.Network{ID: workload.Network, Type: secgroup.NetworkVPC, VPC: "v"}
	network.Normalize()
	nic := workload.Spare(0).NIC("")
	changes := []secgroup.Change{
		secgroup.Put(network), secgroup.Put(local), secgroup.Put(remote), secgroup.Put(nic),
		secgroup.Put(&secgroup.Attachment{Group: local.GroupRef, NIC: nic.ID}),
		secgroup.Put(&secgroup.Attachment{Group: remote.GroupRef, Instance: "remote"}),
		secgroup.Put(&secgroup.Group{GroupRef: workload.Ref("default"), Name: "default", IsDefault: true}),
	}
	for _, e := range workload.Big(members) {
		changes = append(changes, secgroup.Put(e.NIC("remote")))
	}
	l := &loaded{snapshot: secgroup.NewSnapshot(), revision: 1}
	l.host = ofrules.Host{Uplink: uplink, Ports: map[string]ofrules.Port{nic.ID: {OFPort: firstPort, Zone: 1}}}
	l.snapshot, _ = l.snapshot.With(1, changes)
	l.compiler = ofrules.Follow(l.snapshot)
	l.compiler.Update(l.host)
	return l
}

func remoteRule(id string, port uint16) secgroup.Rule {
	r := secgroup.Rule{
		ID: id, Direction: secgroup.Ingress, Protocol: secgroup.ProtocolTCP, PortMin: port,
		RemoteGroup: workload.Ref("remote"), Enabled: true,
	}
	r.Normalize()
	return r
}

// TestCostOfAMember: a NIC that joins or leaves a remote group, or changes its
// address, costs a flow per address, however many rules name the group and
// however many members it has.
func TestCostOfAMember(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ members, rules int }{{10, 1}, {10, 30}, {10, 1000}, {1000, 1}, {1000, 1000}} {
		l := cluster(t, c.members, c.rules)
		nic := workload.Spare(1).NIC("")
		membership := secgroup.Attachment{Group: workload.Ref("remote"), NIC: nic.ID}
		moved := *nic
		moved.Addresses = workload.Spare(2).NIC("").Addresses
		for _, step := range []struct {
			what string
			does secgroup.Change
			most int
		}{
			{"a NIC that nobody names", secgroup.Put(nic), 0},
			{"joins", secgroup.Put(&membership), 1},
			{"changes its address", secgroup.Put(&moved), 2},
			{"leaves", secgroup.Delete(membership.Key()), 1},
			{"joins again", secgroup.Put(&membership), 1},
			{"is deleted", secgroup.Delete(nic.Key()), 1},
		} {
			if got := mods(l.change(step.does)); got > step.most {
				t.Errorf("%d members, %d rules: %s: %d flow-mods, more than %d", c.members, c.rules, step.what, got, step.most)
			}
		}
	}
}

// TestCostOfARule: a rule on a group that some rule names already costs the
// flows of its own service and one more action in the label's, not its members.
// The first one brings the members in, which is what it takes at least, and the
// last one takes them out.
func TestCostOfARule(t *testing.T) {
	t.Parallel()
	for _, members := range []int{0, 10, 100, 1000, 10_000} {
		l := cluster(t, members, 0)
		for _, step := range []struct {
			what          string
			rules         []secgroup.Rule
			atLeast, most int
		}{
			{"the first rule", []secgroup.Rule{remoteRule("a", 80)}, members, members + 12},
			{"the second rule", []secgroup.Rule{remoteRule("a", 80), remoteRule("b", 81)}, 1, 12},
			{"a third with the same service", []secgroup.Rule{remoteRule("a", 80), remoteRule("b", 81), remoteRule("c", 81)}, 1, 12},
			{"another port", []secgroup.Rule{remoteRule("a", 80), remoteRule("b", 82), remoteRule("c", 81)}, 1, 12},
			{"one rule less", []secgroup.Rule{remoteRule("b", 82), remoteRule("c", 81)}, 1, 12},
			{"none", nil, members, members + 20},
		} {
			g := *l.snapshot.Group(workload.Ref("local"))
			g.Rules = step.rules
			if got := mods(l.change(secgroup.Put(&g))); got < step.atLeast || got > step.most {
				t.Errorf("%d members: %s: %d flow-mods, want %d to %d", members, step.what, got, step.atLeast, step.most)
			}
		}
	}
}

// TestCostOfAPrefix: a rule with a prefix has no members: also one that holds
// every address costs its own flows.
func TestCostOfAPrefix(t *testing.T) {
	t.Parallel()
	l := cluster(t, 1000, 1)
	for _, both := range []bool{false, true} {
		r := remoteRule("p", 90)
		r.RemoteCIDR, r.Family = netip.MustParsePrefix("11.0.0.0/8"), secgroup.FamilyIPv4
		if !both {
			r.RemoteGroup = secgroup.GroupRef{}
		}
		if got := mods(l.change(l.withRule(workload.Ref("local"), r))); got > 12 {
			t.Errorf("with the group as well: %v: %d flow-mods", both, got)
		}
	}
}

// TestCostOfAnAttachment: a group that is attached to a NIC costs what that group's rules
// do, however many rules of other groups judge the NIC, and takes no flow away; so does one
// that is detached, and makes no new one.
func TestCostOfAnAttachment(t *testing.T) {
	t.Parallel()
	l := cluster(t, 10, 200)
	one := &secgroup.Group{GroupRef: workload.Ref("one"), Name: "one", Rules: []secgroup.Rule{remoteRule("r", 5000)}}
	l.change(secgroup.Put(one))
	attachment := secgroup.Attachment{Group: one.GroupRef, NIC: workload.Spare(0).NIC("").ID}
	if d := l.change(secgroup.Put(&attachment)); len(d.Delete) > 0 || mods(d) == 0 || mods(d) > 12 {
		t.Errorf("attached: %d flows put, %d of them replaced, %d deleted", len(d.Put), d.Replaced, len(d.Delete))
	}
	if d := l.change(secgroup.Delete(attachment.Key())); len(d.Put) != d.Replaced || mods(d) == 0 || mods(d) > 12 {
		t.Errorf("detached: %d flows put, %d of them replaced, %d deleted", len(d.Put), d.Replaced, len(d.Delete))
	}
}
