package span

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"maps"
	"net/netip"
	"runtime"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

// The store of these benchmarks: 100 accounts with 100 groups of 10 rules and 500
// NICs each, in a routing domain of their own. A rule of two names a group.
const (
	bigAccounts = 100
	bigGroups   = 100
	bigRules    = 10
	bigNICs     = 500
	bigLocals   = 20 // NICs at a host
)

func bigNIC(account, i int) string { return fmt.Sprintf("nic-%d-%d", account, i) }

func bigGroup(account, i int) secgroup.GroupRef {
	return secgroup.GroupRef{Account: plantAccount(account), ID: fmt.Sprint("group-", i%bigGroups)}
}

func bigPolicy() *secgroup.Snapshot {
	var changes []secgroup.Change
	for a := range bigAccounts {
		network := &secgroup.Network{ID: plantNetwork(a), Type: secgroup.NetworkVPC, VPC: plantAccount(a), VLAN: uint16(a + 1)}
		network.Normalize()
		changes = append(changes, secgroup.Put(network), secgroup.Put(&secgroup.Account{ID: plantAccount(a)}))
		for i := range bigGroups {
			g := &secgroup.Group{GroupRef: bigGroup(a, i), Name: fmt.Sprint("group ", i), Description: "of the benchmark", IsDefault: i == 0}
			for r := range bigRules {
				rule := plantRule(fmt.Sprint("rule-", r), secgroup.GroupRef{})
				rule.PortMin, rule.PortMax, rule.Description = uint16(1000+r), uint16(1000+r), "a rule of the benchmark"
				if r%2 == 0 {
					rule.RemoteGroup = bigGroup(a, i+r)
				}
				g.Rules = append(g.Rules, rule)
			}
			changes = append(changes, secgroup.Put(g))
		}
		for i := range bigNICs {
			nic := plantNIC(a, bigNIC(a, i), 0)
			nic.MAC = secgroup.MAC{2, 0, byte(a), byte(i >> 8), byte(i), 1}
			nic.Addresses = []netip.Addr{netip.AddrFrom4([4]byte{10, byte(a), byte(i >> 8), byte(i)})}
			changes = append(changes, secgroup.Put(nic), secgroup.Put(&secgroup.Attachment{Group: bigGroup(a, i), NIC: nic.ID}))
		}
	}
	s := secgroup.NewSnapshot()
	s, _ = s.With(1, changes)
	return s
}

// bigPlugged are the NICs of one of 1,000 hosts: all of one account.
func bigPlugged(host int) map[string]bool {
	nics := map[string]bool{}
	for i := range bigLocals {
		nics[bigNIC(host%bigAccounts, (host/bigAccounts*bigLocals+i)%bigNICs)] = true
	}
	return nics
}

func BenchmarkSpan(b *testing.B) {
	s := bigPolicy()
	plugged := bigPlugged(0)
	var wire bytes.Buffer
	if err := gob.NewEncoder(&wire).Encode(NewIndex(s).Plug("host", plugged)); err != nil {
		b.Fatal(err)
	}
	shares := held(func() any {
		all := make([]*Share, 100)
		for i := range all {
			all[i] = Span(s, "", maps.Keys(plugged))
		}
		return all
	})
	b.ReportAllocs()
	for b.Loop() {
		Span(s, "", maps.Keys(plugged))
	}
	b.ReportMetric(float64(wire.Len()), "encoded-B")
	b.ReportMetric(shares/100, "held-B")
	runtime.KeepAlive(s)
}

// BenchmarkApply makes changes beside 1,000 hosts: one that concerns none of them,
// one of a member that some of them need, and one of a group of one of them.
func BenchmarkApply(b *testing.B) {
	s := bigPolicy()
	x := NewIndex(s)
	hosts := held(func() any {
		for host := range 1000 {
			x.Plug(fmt.Sprint("host-", host), bigPlugged(host))
		}
		return x
	})
	stranger := plantNIC(bigAccounts, "stranger", 1)
	member := *s.NIC(bigNIC(0, 450))
	rules := *s.Group(bigGroup(0, 3))
	for _, c := range []struct {
		name string
		does func(i int) secgroup.Object
	}{
		{"foreign", func(i int) secgroup.Object { n := *stranger; n.MAC[0] = byte(2 * (i%2 + 1)); return &n }},
		{"member", func(i int) secgroup.Object {
			n := member
			n.Addresses = []netip.Addr{netip.AddrFrom4([4]byte{10, 200, 0, byte(i % 2)})}
			return &n
		}},
		{"rule", func(i int) secgroup.Object { g := rules; g.Rules = rules.Rules[:9+i%2]; return &g }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			deltas, i := 0, 0
			for b.Loop() {
				i++
				b.StopTimer()
				policy, touched := s.With(int64(i+2), []secgroup.Change{secgroup.Put(c.does(i))})
				s = policy
				b.StartTimer()
				deltas += len(x.Apply(s, touched))
			}
			b.ReportMetric(float64(deltas)/float64(i), "hosts")
			b.ReportMetric(hosts/1000, "held-B/host")
		})
	}
}

// held is how many bytes what is made holds.
func held(make func() any) float64 {
	var neededBefore, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&neededBefore)
	made := make()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(made)
	return float64(after.HeapAlloc) - float64(neededBefore.HeapAlloc)
}
