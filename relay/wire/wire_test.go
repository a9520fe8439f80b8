package wire

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// TestGeneratedCodeIsOfTheProto: the code that is checked in was generated of
// wire.proto as it is.
func TestGeneratedCodeIsOfTheProto(t *testing.T) {
	t.Parallel()
	c := protocompile.Compiler{Resolver: &protocompile.SourceResolver{ImportPaths: []string{"../.."}}}
	files, err := c.Compile(context.Background(), "relay/wire/wire.proto")
	if err != nil {
		t.Fatal(err)
	}
	want, got := protodesc.ToFileDescriptorProto(files[0]), protodesc.ToFileDescriptorProto(File_relay_wire_wire_proto)
	want.SourceCodeInfo = nil
	if !proto.Equal(want, got) {
		t.Errorf("wire.pb.go is not of wire.proto: make proto\n%s\nagainst\n%s", prototext.Format(want), prototext.Format(got))
	}
	if len(Hosts_ServiceDesc.Streams) != 1 || Hosts_ServiceDesc.Streams[0].StreamName != "Attach" || Hosts_ServiceDesc.ServiceName != "ringfence.relay.v1.Hosts" {
		t.Errorf("wire_grpc.pb.go is not of wire.proto: make proto: %+v", Hosts_ServiceDesc)
	}
}

// TestNumbersStay: what was released once keeps its number and type: other versions
// of the program are on the other end.
func TestNumbersStay(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"FromHost": "hello 1, plugs 2, applied 3, status 4, answer 5, judge 6",
		"ToHost":   "welcome 1, delta 2, plugs_at 3, ask 4, withdraw 5, judgement 6, goodbye 7",
		"Hello":    "version 1, program 2, host 3, instance 4, machine 5, level 6, has 7, plugs 8, capabilities 9, started 10, clock 11",
		"Rule":     "id 1, direction 2, family 3, protocol 4, port_min 5, port_max 6, icmp_type 7, icmp_code 8, remote_cidr 9, remote_group 10, enabled 11",
		"Group":    "ref 1, min_level 2, egress_policy 3, rules 4",
		"Members":  "group 1, domain 2, reset 3, add4 4, add6 5, remove4 6, remove6 7",
		"Delta":    "number 1, at 2, plugs 3, more 4, full 5, nics 6, nics_gone 7, networks 8, networks_gone 9, groups 10, groups_gone 11, members 12, baseline 13",
	}
	found := 0
	for _, m := range protodesc.ToFileDescriptorProto(File_relay_wire_wire_proto).GetMessageType() {
		if want[m.GetName()] == "" {
			continue
		}
		found++
		var got []string
		for _, f := range m.GetField() {
			got = append(got, fmt.Sprint(f.GetName(), " ", f.GetNumber()))
		}
		if !strings.HasPrefix(strings.Join(got, ", "), want[m.GetName()]) {
			t.Errorf("%s has %s", m.GetName(), strings.Join(got, ", "))
		}
	}
	if found != len(want) {
		t.Errorf("%d messages of %d", found, len(want))
	}
}

// carry brings a delta over as a stream does.
func carry(t *testing.T, d span.Delta, most int) span.Delta {
	t.Helper()
	var parts Parts
	all, err := Encode(d, most)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range all {
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var there Delta
		if err := proto.Unmarshal(b, &there); err != nil {
			t.Fatal(err)
		}
		out, faults, done := parts.Add(&there)
		if len(faults) > 0 {
			t.Fatalf("%v", faults)
		}
		if done != (i == len(all)-1) {
			t.Fatalf("message %d of %d: done is %t", i, len(all), done)
		}
		if done {
			return out
		}
	}
	panic("no last message")
}

// TestSharesComeOver: whatever happens to the policy and to what is plugged, a share
// that follows the messages is what Span makes of the policy, in however many parts
// they come.
func TestSharesComeOver(t *testing.T) {
	t.Parallel()
	parts, members, saved := 0, 0, 0
	for seed := range uint64(8) {
		g := policytest.Seeded(seed, policytest.Options{NICs: 14, Guard: true, Shares: seed%3 > 0})
		policy := secgroup.NewSnapshot()
		index, plugged := span.NewIndex(policy), map[string]bool{}
		share, held := span.NewShare(), span.NewShare()
		follow := func(d span.Delta) {
			most := []int{1, 200, 1000, PartSize}[g.IntN(4)]
			if all, err := Encode(d, most); err != nil || len(all) > 1 {
				parts++
			}
			members += len(d.Members)
			share.Apply(carry(t, d, most))
		}
		follow(index.Plug("h1", nil))
		rev := int64(1)
		apply := func(changes []secgroup.Change) {
			rev++
			var touched secgroup.Touched
			policy, touched = policy.With(rev, changes)
			if d, ok := index.Apply(policy, touched)["h1"]; ok {
				follow(d)
			}
		}
		apply(g.Policy())
		for i := range 60 {
			if g.IntN(5) == 0 {
				change := map[string]bool{"nobody's": g.IntN(2) == 0}
				for _, n := range policy.NICs() {
					change[n.ID] = g.IntN(3) == 0
				}
				maps.Copy(plugged, change)
				follow(index.Plug("h1", change))
			} else if nics := policy.NICs(); g.IntN(6) == 0 {
				n := *nics[g.IntN(len(nics))]
				n.Hosts = [][]string{nil, {"h1"}, {"h2", "h1"}, {"h3"}}[g.IntN(4)]
				apply([]secgroup.Change{secgroup.Put(&n)})
			} else {
				_, changes := g.Step(policy)
				apply(changes)
			}
			var now []string
			for id, is := range plugged {
				if is {
					now = append(now, id)
				}
			}
			want := span.Span(policy, "h1", slices.Values(now))
			if g.IntN(4) == 0 { // one that comes again says what it has, and is sent the rest
				full, _ := index.Full("h1")
				d := HeldOf(held).Diff(full)
				saved += full.Weight() - d.Weight()
				if held.Apply(carry(t, d, PartSize)); !reflect.DeepEqual(plain(want), plain(held)) {
					t.Fatalf("seed %d, step %d: what was held is not Span's share:\n%s\nagainst\n%s", seed, i, plain(want), plain(held))
				}
				if again := HeldOf(held).Diff(full); !again.Empty() {
					t.Fatalf("seed %d, step %d: a host that has its share is sent %+v", seed, i, again)
				}
			}
			if !reflect.DeepEqual(plain(want), plain(share)) {
				t.Fatalf("seed %d, step %d: the share is not Span's:\n%s\nagainst\n%s", seed, i, plain(want), plain(share))
			}
		}
	}
	if parts < 50 || members < 50 || saved < 500 {
		t.Errorf("%d deltas in parts, %d changes of members, %d objects spared: too tame a history", parts, members, saved)
	}
}

// plain writes a share so that nil and empty lists are the same.
func plain(s *span.Share) string {
	var b strings.Builder
	for _, id := range slices.Sorted(maps.Keys(s.NICs)) {
		n := s.NICs[id]
		fmt.Fprintf(&b, "NIC %s %+v %v\n", id, n.Record, n.Groups)
	}
	for _, id := range slices.Sorted(maps.Keys(s.Networks)) {
		fmt.Fprintf(&b, "network %+v\n", s.Networks[id])
	}
	for _, ref := range slices.SortedFunc(maps.Keys(s.Groups), secgroup.GroupRef.Compare) {
		fmt.Fprintf(&b, "group %+v\n", s.Groups[ref])
	}
	for _, ref := range slices.SortedFunc(maps.Keys(s.Members), secgroup.GroupRef.Compare) {
		fmt.Fprintf(&b, "members %v %v\n", ref, s.Members[ref])
	}
	fmt.Fprintf(&b, "baseline %+v\n", s.Baseline)
	return b.String()
}

// TestLongMembers: a list that is longer than a part comes over in several.
func TestLongMembers(t *testing.T) {
	t.Parallel()
	var list []netip.Addr
	for i := range 5000 {
		list = append(list, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
	}
	for i := range 5000 {
		list = append(list, netip.AddrFrom16([16]byte{0xfd, 14: byte(i >> 8), 15: byte(i)}))
	}
	l := span.Label{Group: secgroup.GroupRef{Account: "a", ID: "g"}, Domain: "d"}
	for _, c := range []span.Change{{Add: list}, {Reset: true, Add: list}, {Remove: list}, {Add: list[:4000], Remove: list[4000:]}} {
		d := span.Delta{Members: map[span.Label]span.Change{l: c}}
		for _, most := range []int{300, 20_000, PartSize} {
			if got := carry(t, d, most).Members[l]; !reflect.DeepEqual(got, c) {
				t.Errorf("%d added, %d removed, in parts of %d: %d and %d", len(c.Add), len(c.Remove), most, len(got.Add), len(got.Remove))
			}
			all, err := Encode(d, most)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range all {
				if size := proto.Size(m); size > most+100 {
					t.Errorf("a part of %d bytes, not %d", size, most)
				}
			}
		}
	}
}

// TestWhatIsNotUnderstoodIsClosed: of a newer relay a host enforces less than there
// is, never more.
func TestWhatIsNotUnderstoodIsClosed(t *testing.T) {
	t.Parallel()
	ref := &GroupRef{Account: "a", Id: "g"}
	rule := func(change func(*Rule)) *Delta {
		r := &Rule{Id: "r", Direction: Direction_DIRECTION_INGRESS, Family: Family_FAMILY_ANY, Protocol: "tcp", Enabled: true}
		change(r)
		return &Delta{Groups: []*Group{{Ref: ref, EgressPolicy: EgressPolicy_EGRESS_POLICY_OPEN, Rules: []*Rule{{Id: "q", Direction: Direction_DIRECTION_INGRESS, Protocol: "all"}, r}}}}
	}
	if d, faults := Decode(rule(func(*Rule) {})); len(faults) > 0 || len(d.Groups[ref.ref()].Rules) != 2 {
		t.Fatalf("a group as it should be: %+v", faults)
	}
	closedGroup := func(d span.Delta) bool {
		g := d.Groups[ref.ref()]
		return g != nil && len(g.Rules) == 0 && secgroup.EgressRestricts(g)
	}
	closedNIC := func(d span.Delta) bool { n, told := d.NICs["n"]; return told && n != nil && n.Record == nil }
	absent := func(d span.Delta) bool { n, told := d.Networks["n"]; return told && n == nil }
	none := func(d span.Delta) bool {
		c := d.Members[span.Label{Group: ref.ref(), Domain: "d"}]
		return c.Reset && len(c.Add) == 0
	}
	empty := func(d span.Delta) bool { return d.Baseline != nil && len(d.Baseline.Addresses) == 0 }
	for name, c := range map[string]struct {
		delta  *Delta
		closed func(span.Delta) bool
	}{
		"group of a higher level":  {&Delta{Groups: []*Group{{Ref: ref, MinLevel: Level + 1, EgressPolicy: EgressPolicy_EGRESS_POLICY_OPEN}}}, closedGroup},
		"egress policy":            {&Delta{Groups: []*Group{{Ref: ref, EgressPolicy: 9}}}, closedGroup},
		"direction":                {rule(func(r *Rule) { r.Direction = 3 }), closedGroup},
		"no direction":             {rule(func(r *Rule) { r.Direction = 0 }), closedGroup},
		"family":                   {rule(func(r *Rule) { r.Family = -1 }), closedGroup},
		"protocol":                 {rule(func(r *Rule) { r.Protocol = "quic" }), closedGroup},
		"port":                     {rule(func(r *Rule) { r.PortMax = 1 << 16 }), closedGroup},
		"icmp type":                {rule(func(r *Rule) { r.IcmpType = proto.Uint32(256) }), closedGroup},
		"remote prefix":            {rule(func(r *Rule) { r.RemoteCidr = &Prefix{Address: []byte{1, 2, 3, 4}, Bits: 33} }), closedGroup},
		"remote address":           {rule(func(r *Rule) { r.RemoteCidr = &Prefix{Address: []byte{1, 2, 3}} }), closedGroup},
		"NIC of a higher level":    {&Delta{Nics: []*NIC{{Id: "n", MinLevel: Level + 1}}}, closedNIC},
		"enforcement":              {&Delta{Nics: []*NIC{{Id: "n", Enforcement: 3}}}, closedNIC},
		"address of a NIC":         {&Delta{Nics: []*NIC{{Id: "n", Addresses: [][]byte{{1}}}}}, closedNIC},
		"allowed address":          {&Delta{Nics: []*NIC{{Id: "n", AllowedAddresses: []*Prefix{{Address: []byte{1, 2, 3, 4}, Bits: 40}}}}}, closedNIC},
		"MAC":                      {&Delta{Nics: []*NIC{{Id: "n", Mac: []byte{1}}}}, closedNIC},
		"network of higher level":  {&Delta{Networks: []*Network{{Id: "n", MinLevel: Level + 1}}}, absent},
		"VLAN":                     {&Delta{Networks: []*Network{{Id: "n", Vlan: 4095}}}, absent},
		"members of odd length":    {&Delta{Members: []*Members{{Group: ref, Domain: "d", Add4: []byte{1, 2, 3}}}}, none},
		"members that go back":     {&Delta{Members: []*Members{{Group: ref, Domain: "d", Add4: []byte{2, 0, 0, 0, 1, 0, 0, 0}}}}, none},
		"baseline of higher level": {&Delta{Baseline: &Baseline{MinLevel: Level + 1}}, empty},
		"port of the baseline":     {&Delta{Baseline: &Baseline{Addresses: []*BaselineAddress{{Address: []byte{1, 2, 3, 4}, Protocol: "udp", Port: 1 << 16}}}}, empty},
	} {
		d, faults := Decode(c.delta)
		if len(faults) != 1 || !c.closed(d) {
			t.Errorf("%s: %+v of %+v", name, d, faults)
		}
	}
}

// TestUnknownFieldsAreKept: of a newer version, what goes through goes on.
func TestUnknownFieldsAreKept(t *testing.T) {
	t.Parallel()
	newer := []byte{0xfa, 0x3f, 3, 'n', 'e', 'w'} // field 1023
	b, err := proto.Marshal(&Hello{Version: 7, Host: "h"})
	if err != nil {
		t.Fatal(err)
	}
	var h Hello
	if err := proto.Unmarshal(append(b, newer...), &h); err != nil {
		t.Fatal(err)
	}
	again, err := proto.Marshal(&h)
	if err != nil || !strings.Contains(string(again), "new") || h.GetHost() != "h" {
		t.Errorf("%q: %v", again, err)
	}
}

func TestAgree(t *testing.T) {
	t.Parallel()
	if v, err := Agree(Version); v != Version || err != nil {
		t.Errorf("with itself: %d, %v", v, err)
	}
	if v, err := Agree(Version + 5); v != Version || err != nil {
		t.Errorf("with a newer one: %d, %v", v, err)
	}
	if _, err := Agree(0); err == nil {
		t.Error("no version is one")
	}
}

func TestConnections(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		g := policytest.Seeded(seed, policytest.Options{})
		policy := policytest.Load(g.Policy())
		for range 50 {
			drawn, ok := g.Packet(policy)
			if !ok {
				continue
			}
			c := impact.Conn{Packet: drawn.Packet, Both: g.IntN(2) == 0, EitherWay: g.IntN(2) == 0, Sent: g.IntN(2) == 0}
			got, err := FromConn("n", c).Conn()
			if err != nil || got != c {
				t.Fatalf("%+v is %+v: %v", c, got, err)
			}
		}
	}
	for _, c := range []*Connection{nil, {Src: []byte{1, 2, 3, 4}, Dst: make([]byte, 16)}, {Src: make([]byte, 4), Dst: make([]byte, 4), SrcPort: 1 << 16}} {
		if _, err := c.Conn(); err == nil {
			t.Errorf("%v is a connection", c)
		}
	}
}

// FuzzDecode: nothing that comes over makes the reader panic, and what it yields can
// be applied.
func FuzzDecode(f *testing.F) {
	for _, m := range []*Delta{{Full: true}, {Groups: []*Group{{}}, Nics: []*NIC{{}}, Networks: []*Network{{}}, Members: []*Members{{}}, GroupsGone: []*GroupRef{{}}}} {
		b, _ := proto.Marshal(m)
		f.Add(b)
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		var m Delta
		if proto.Unmarshal(b, &m) != nil {
			return
		}
		share := span.NewShare()
		var p Parts
		m.More = false
		d, _, _ := p.Add(&m)
		share.Apply(d)
	})
}
