package ofrules_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/internal/workload"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
)

// loaded is one host with a workload: its ports are plugged in, the members are
// elsewhere.
type loaded struct {
	load     workload.Load
	snapshot *secgroup.Snapshot
	host     ofrules.Host
	compiler *ofrules.Follower
	revision int64
}

func load(tb testing.TB, size string) *loaded {
	tb.Helper()
	s, ok := workload.SizeOf(size)
	if !ok {
		tb.Fatalf("there is no size %s", size)
	}
	l := &loaded{load: workload.Make(s), snapshot: secgroup.NewSnapshot(), revision: 1}
	l.snapshot, _ = l.snapshot.With(1, l.load.Changes())
	l.host = ofrules.Host{Ports: map[string]ofrules.Port{}, Uplink: uplink}
	for i, p := range l.load.Ports {
		l.host.Ports[p.ID] = ofrules.Port{OFPort: uint32(firstPort + i), Zone: uint16(1 + i)}
	}
	l.compiler = ofrules.Follow(l.snapshot)
	l.compiler.Update(l.host)
	l.host.Changed = map[string]struct{}{} // from now on only the policy changes
	return l
}

// change applies changes and returns what they cost in flow-mods.
func (l *loaded) change(changes ...secgroup.Change) ofrules.Delta {
	l.revision++
	var touched secgroup.Touched
	l.snapshot, touched = l.snapshot.With(l.revision, changes)
	l.compiler.Apply(l.snapshot, touched)
	return l.compiler.Update(l.host)
}

// withRule returns a group with one rule more.
func (l *loaded) withRule(group secgroup.GroupRef, r secgroup.Rule) secgroup.Change {
	g := *l.snapshot.Group(group)
	g.Rules = append(slices.Clone(g.Rules), r)
	g.Normalize()
	return secgroup.Put(&g)
}

// TestFlowCounts: how many flows a host needs is what operators feel first.
func TestFlowCounts(t *testing.T) {
	t.Parallel()
	for size, most := range map[string]int{"S": 3_000, "M": 20_000, "L": 45_000} {
		t.Run(size, func(t *testing.T) {
			t.Parallel()
			if got := load(t, size).compiler.Len(); got > most {
				t.Errorf("%d flows, more than %d", got, most)
			} else {
				t.Logf("%d flows", got)
			}
		})
	}
}

func BenchmarkReset(b *testing.B) {
	for _, size := range []string{"S", "M", "L"} {
		b.Run(size, func(b *testing.B) {
			l := load(b, size)
			b.ReportAllocs()
			for b.Loop() {
				ofrules.New().Reset(ofrules.Share(l.snapshot, l.host), l.host)
			}
			b.ReportMetric(float64(l.compiler.Len()), "flows")
		})
	}
}

// BenchmarkUpdate makes a small change and takes it back.
func BenchmarkUpdate(b *testing.B) {
	for _, size := range []string{"S", "M", "L"} {
		l := load(b, size)
		port := l.load.Ports[0]
		group := workload.Ref(workload.GroupID(port.Groups[0]))
		remote := workload.Ref(workload.GroupID(port.Groups[0] + 1))
		spare := workload.Spare(0).NIC("")
		l.change(secgroup.Put(spare))
		before := secgroup.Put(l.snapshot.Group(group))
		rule := secgroup.Rule{ID: "new", Direction: secgroup.Ingress, Protocol: secgroup.ProtocolTCP, PortMin: 20000, RemoteGroup: remote, Enabled: true}
		member := secgroup.Attachment{Group: remote, NIC: spare.ID}
		other := l.load.Ports[len(l.load.Ports)/2].Groups[0]
		attachment := secgroup.Attachment{Group: workload.Ref(workload.GroupID(other)), NIC: port.ID}
		for _, c := range []struct {
			name     string
			do, undo secgroup.Change
		}{
			{"rule", l.withRule(group, rule), before},
			{"member", secgroup.Put(&member), secgroup.Delete(member.Key())},
			{"attach", secgroup.Put(&attachment), secgroup.Delete(attachment.Key())},
		} {
			b.Run(fmt.Sprintf("%s/%s", size, c.name), func(b *testing.B) {
				b.ReportAllocs()
				mods := 0
				for b.Loop() {
					d, e := l.change(c.do), l.change(c.undo)
					mods = len(d.Put) + len(d.Delete) + len(e.Put) + len(e.Delete)
				}
				b.ReportMetric(float64(mods)/2, "flow-mods")
			})
		}
	}
}

// BenchmarkBig makes the first rule that names a group with 10,000 members.
func BenchmarkBig(b *testing.B) {
	const members = 10_000
	l := load(b, "M")
	big := &secgroup.Group{GroupRef: workload.Ref("big"), Name: "big"}
	big.Normalize()
	changes := []secgroup.Change{secgroup.Put(big)}
	for _, e := range workload.Big(members) {
		nic := e.NIC("")
		changes = append(changes, secgroup.Put(nic), secgroup.Put(&secgroup.Attachment{Group: big.GroupRef, NIC: nic.ID}))
	}
	l.change(changes...)
	group := workload.Ref(workload.GroupID(l.load.Ports[0].Groups[0]))
	before := secgroup.Put(l.snapshot.Group(group))
	rule := l.withRule(group, secgroup.Rule{
		ID: "new", Direction: secgroup.Ingress, Protocol: secgroup.ProtocolTCP, PortMin: 30000, RemoteGroup: big.GroupRef, Enabled: true,
	})
	b.ReportAllocs()
	mods := 0
	for b.Loop() {
		mods = len(l.change(rule).Put)
		b.StopTimer()
		l.change(before)
		b.StartTimer()
	}
	b.ReportMetric(float64(mods), "flow-mods")
}
