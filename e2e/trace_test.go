package e2e

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
)

// traced is a tenant with random groups, rules and attachments.
type traced struct {
	*tenant
	rand  *rand.Rand
	rules map[string]client.Rule // by group/rule
}

var tracedGroups = []string{"g0", "g1", "g2", "g3"}

func newTraced(t *testing.T, dc *datacentre, seed uint64) *traced {
	t.Helper()
	n := &traced{tenant: dc.newTenant(t), rand: rand.New(rand.NewPCG(seed, 1)), rules: map[string]client.Rule{}}
	n.play("a", "b", "c")
	none := false
	for _, g := range tracedGroups {
		spec := client.GroupSpec{Name: g, DefaultRules: &none, EgressPolicy: n.pick("auto", "auto", "listed", "open")}
		n.must(n.api.PutGroup(t.Context(), n.account, g, spec))
	}
	for _, g := range tracedGroups {
		for i := range 5 {
			r, err := n.api.PutRule(t.Context(), n.account, g, fmt.Sprintf("%s-r%d", g, i), n.randomRule())
			if err != nil {
				t.Fatal(err)
			}
			n.rules[g+"/"+r.ID] = r
		}
	}
	var last client.Meta
	for _, role := range n.roles {
		for _, host := range hosts {
			for _, g := range tracedGroups {
				if n.rand.IntN(3) == 0 {
					n.must(nil, n.api.AttachNIC(t.Context(), n.account, n.nic(role, host), g, client.Wait(longest), client.Into(&last)))
				}
			}
		}
	}
	if last.Revision == 0 || last.Status == 202 {
		t.Fatalf("the policy is not in force: %+v", last)
	}
	return n
}

func (n *traced) pick(from ...string) string { return from[n.rand.IntN(len(from))] }

func (n *traced) randomRule() client.RuleSpec {
	enabled := n.rand.IntN(8) > 0
	r := client.RuleSpec{Direction: n.pick("ingress", "ingress", "egress"), Protocol: n.pick("tcp", "udp", "icmp", "all"), Enabled: &enabled}
	if port := []int{53, 80, 443}[n.rand.IntN(3)]; r.Protocol == "tcp" || r.Protocol == "udp" {
		top := port + n.rand.IntN(2)*30
		r.PortMin, r.PortMax = &port, &top
	}
	if n.rand.IntN(2) == 0 {
		g := n.pick(tracedGroups...)
		r.RemoteGroup = &g
	}
	if n.rand.IntN(3) == 0 {
		cidr := n.pick("10.0.0.0/27", "10.0.0.16/28", "0.0.0.0/0", "fd00::/120", "10.0.0.21/32")
		r.RemoteCIDR = &cidr
	}
	return r
}

// end draws an end: a NIC, or now and then an address of no NIC.
func (n *traced) end(other client.TraceEnd) client.TraceEnd {
	if other.NIC != "" && n.rand.IntN(6) == 0 {
		return client.TraceEnd{Address: n.pick("10.0.0.99", "8.8.8.8", "fd00::99", "10.0.0.20")}
	}
	return client.TraceEnd{NIC: n.nic(n.pick(n.roles...), n.pick(hosts...))}
}

func (n *traced) randomTrace() client.TraceSpec {
	s := client.TraceSpec{Protocol: n.pick("tcp", "udp", "icmp", "47")}
	if s.Protocol == "tcp" || s.Protocol == "udp" {
		s.Port = []int{52, 53, 79, 80, 81, 110, 111, 443, 473}[n.rand.IntN(9)]
	}
	s.Source = n.end(client.TraceEnd{})
	if s.Destination = n.end(s.Source); n.rand.IntN(2) == 0 {
		s.Source, s.Destination = s.Destination, s.Source
	}
	if s.Source.Address == "" && s.Destination.Address == "" {
		s.Family = n.pick("ipv4", "ipv6")
	}
	return s
}

// What a trace says is what the policy says, what the switches of both hosts do
// and what real packets meet; and the rule that it names is one that allows it.
func TestTracesTellTheTruth(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := newTraced(t, dc, 1)
	var specs []client.TraceSpec
	for len(specs) < 1000 {
		if s := n.randomTrace(); s.Source != s.Destination {
			specs = append(specs, s)
		}
	}
	verdicts := map[string]int{}
	var mu sync.Mutex
	n.eachTrace(specs, 8, func(s client.TraceSpec, trace client.Trace) {
		mu.Lock()
		defer mu.Unlock()
		verdicts[trace.Verdict]++
		n.check(s, trace)
	})
	t.Logf("verdicts of %d traces: %v", len(specs), verdicts)
	if verdicts["allow"] < 100 || verdicts["deny"] < 100 {
		t.Errorf("too few of a kind: %v", verdicts)
	}
	n.comparePackets()
	n.compareInstalled()
}

// eachTrace runs traces, some at a time.
func (n *traced) eachTrace(specs []client.TraceSpec, atOnce int, each func(client.TraceSpec, client.Trace)) {
	n.t.Helper()
	next := make(chan client.TraceSpec)
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for s := range next {
				trace, err := n.answered(s)
				if err != nil {
					n.t.Errorf("%+v: %v", s, err)
					continue
				}
				each(s, trace)
			}
		})
	}
	for _, s := range specs {
		next <- s
	}
	close(next)
	wg.Wait()
}

// answered runs a trace, and again if a host had no time for it: what is looked at
// is whether answers are true, which a busy machine gives late.
func (n *traced) answered(s client.TraceSpec) (trace client.Trace, err error) {
	for range 5 {
		trace, err = n.api.Trace(n.t.Context(), n.account, s, client.Wait(longest))
		late := slices.ContainsFunc(trace.Legs, func(l client.TraceLeg) bool { return l.Datapath.Reason == "no-answer" })
		if err != nil || !late {
			break
		}
	}
	return trace, err
}

// check holds one trace's parts against each other.
func (n *traced) check(s client.TraceSpec, trace client.Trace) {
	n.t.Helper()
	if trace.Agreement == nil || !*trace.Agreement || !trace.Done || trace.Verdict == "unknown" {
		n.t.Errorf("%+v: %s, agreement %v, done %t: %+v", s, trace.Verdict, trace.Agreement, trace.Done, trace.Legs)
		return
	}
	allow := true
	for _, l := range trace.Legs {
		allow = allow && l.Policy.Verdict == "allow"
		if l.Policy.Verdict != l.Datapath.Verdict || len(l.Datapath.Steps) == 0 || len(l.Datapath.Unparsed) > 0 {
			n.t.Errorf("%+v: an odd leg: %+v", s, l)
		}
		for _, named := range [][2]string{{l.Policy.Group, l.Policy.Rule}, {l.Datapath.Group, l.Datapath.Rule}} {
			if named[1] != "" && !n.allows(named[0]+"/"+named[1], l, trace.Packet) {
				n.t.Errorf("%+v: rule %v does not allow it: %+v", s, named, trace.Packet)
			}
		}
		if l.Policy.Verdict == "deny" && l.Policy.Detail == "" {
			n.t.Errorf("%+v: a deny without a reason: %+v", s, l.Policy)
		}
	}
	if allow != (trace.Verdict == "allow") {
		n.t.Errorf("%+v: verdict %s of legs %+v", s, trace.Verdict, trace.Legs)
	}
}

// allows tells whether a rule is of the leg's direction and of the packet's
// protocol, family and port.
func (n *traced) allows(name string, l client.TraceLeg, p client.TracePacket) bool {
	r, ok := n.rules[name]
	if strings.HasPrefix(name, "default/") {
		return true
	}
	proto := r.Protocol == "all" || r.Protocol == p.Protocol || r.Protocol == "icmp" && p.Protocol == "icmpv6"
	port := r.PortMin == nil || *r.PortMin <= p.Port && p.Port <= *r.PortMax
	family := r.Family == "any" || r.Family == p.Family
	return ok && r.Enabled && r.Direction == l.Direction && proto && port && family
}

// comparePackets traces every question of a matrix, then asks it with real packets.
func (n *traced) comparePackets() {
	n.t.Helper()
	const services = "tcp/80 udp/53 icmp"
	var specs []client.TraceSpec
	lines := map[client.TraceSpec]string{}
	for _, from := range n.parties {
		for _, to := range n.parties {
			for _, service := range mustServices(n.t, services) {
				s := client.TraceSpec{
					Source: client.TraceEnd{NIC: n.nic(from.Role, from.Place)}, Destination: client.TraceEnd{NIC: n.nic(to.Role, to.Place)},
					Family: fmt.Sprintf("ipv%d", service.Family), Port: int(service.Port),
					Protocol: cmp.Or(map[uint8]string{6: "tcp", 17: "udp"}[service.Proto], "icmp"),
				}
				if from != to {
					specs = append(specs, s)
					lines[s] = fmt.Sprintf("%s -> %s: %s", from.Name(), to.Name(), service)
				}
			}
		}
	}
	var mu sync.Mutex
	var want []string
	n.eachTrace(specs, 8, func(s client.TraceSpec, trace client.Trace) {
		mu.Lock()
		defer mu.Unlock()
		if trace.Verdict == "allow" {
			want = append(want, lines[s])
		}
	})
	n.t.Logf("%d real packets compared, %d are to pass", len(specs), len(want))
	if len(specs) < 100 || len(want) < 20 || len(want) > len(specs)-20 {
		n.t.Error("too few of a kind")
	}
	expectMatrix(n.t, n.parties, nil, services, strings.Join(want, "\n"))
}

// compareInstalled looks at the flows and connections that the packets left.
func (n *traced) compareInstalled() {
	n.t.Helper()
	var flows client.FlowList
	eventually(n.t, longest, func() (err error) {
		flows, err = n.api.Flows(n.t.Context(), n.account, client.FlowFilter{Limit: "1000"})
		for _, h := range flows.Hosts { // one that had no time says so
			if h.Error != "" {
				err = errors.Join(err, fmt.Errorf("%s: %s", h.Host, h.Error))
			}
		}
		return err
	})
	if len(flows.Hosts) != 2 {
		n.t.Errorf("answers of hosts: %+v", flows.Hosts)
	}
	installed := map[string][]string{}
	for _, h := range hosts {
		var err error
		if installed[h], err = n.dc.lab.Host(h).Flows(n.t.Context()); err != nil {
			n.t.Fatal(err)
		}
	}
	var packets uint64
	for _, f := range flows.Items {
		packets += f.Packets
		if !slices.ContainsFunc(installed[f.Host], func(line string) bool { return strings.Contains(line, "cookie="+f.Cookie) }) {
			n.t.Errorf("no flow of host %s has the cookie of %s", f.Host, f.Ofctl)
		}
	}
	if len(flows.Items) < 50 || packets == 0 {
		n.t.Errorf("%d flows with %d packets", len(flows.Items), packets)
	}
	var hits uint64
	for _, g := range tracedGroups {
		rules, err := client.Collect(n.api.RuleHits(n.t.Context(), n.account, g, time.Time{}))
		if err != nil {
			n.t.Fatal(err)
		}
		unused, err := client.Collect(n.api.RuleHits(n.t.Context(), n.account, g, time.Now().Add(-time.Hour)))
		if err != nil {
			n.t.Fatal(err)
		}
		used := 0
		for _, r := range rules {
			if hits += r.Hits.Packets; r.Hits.Packets > 0 {
				used++
			}
			if !r.Hits.Complete || r.Hits.CountedSince == nil || (r.Hits.LastHitAt == nil) != (r.Hits.Packets == 0) {
				n.t.Errorf("hits of %s: %+v", r.ID, r.Hits)
			}
		}
		if len(unused) != len(rules)-used {
			n.t.Errorf("group %s: %d of %d rules are unused, %d were hit", g, len(unused), len(rules), used)
		}
	}
	if hits == 0 {
		n.t.Error("no rule was hit")
	}
	conns, err := n.api.Connections(n.t.Context(), n.account, "", "1000")
	if err != nil {
		n.t.Fatal(err)
	}
	byRule := 0
	for _, k := range conns.Items {
		if k.Reason == "rule" {
			byRule++
			if !n.allows(k.Group+"/"+k.Rule, client.TraceLeg{Direction: k.Direction}, k.TracePacket) {
				n.t.Errorf("connection admitted by a rule that does not allow it: %+v", k)
			}
		}
	}
	if byRule == 0 {
		n.t.Errorf("no connection was admitted by a rule: %+v", conns)
	}
}

// A host that does not answer is unknown, not guessed; the POST says so at once
// and the trace can be read again.
func TestTracesOfASilentHost(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := dc.newTenant(t)
	n.play("web")
	dc.stack.Controller("h1").Kill()
	var meta client.Meta
	spec := client.TraceSpec{Protocol: "tcp", Port: 80, Source: client.TraceEnd{Address: "10.0.0.77"}, Destination: client.TraceEnd{NIC: n.nic("web", "h1")}}
	trace, err := n.api.Trace(t.Context(), n.account, spec, client.Into(&meta))
	if err != nil || meta.Status != 202 || trace.Verdict != "unknown" || trace.Done || trace.Legs[0].Policy.Verdict != "deny" {
		t.Fatalf("%d %+v: %v", meta.Status, trace, err)
	}
	eventually(t, longest, func() error {
		again, err := n.api.GetTrace(t.Context(), n.account, trace.ID)
		if err == nil && (!again.Done || again.Verdict != "unknown" || again.Agreement != nil) {
			err = fmt.Errorf("%+v", again)
		}
		return err
	})
}
