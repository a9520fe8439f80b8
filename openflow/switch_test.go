package openflow

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/ovstest"
)

// session is a plain connection to a switch: every exchange ends with a barrier.
type session struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
	xid  uint32
}

// answer is a message from the switch.
type answer struct {
	xid     uint32
	message Message
}

// dialSwitch connects to the bridge's management socket and says hello.
func dialSwitch(t *testing.T, v *ovstest.OVS, bridge string) *session {
	t.Helper()
	conn, err := net.Dial("unix", filepath.Join(v.RunDir, bridge+".mgmt"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	s := &session{t: t, conn: conn, in: bufio.NewReader(conn), xid: 100}
	conn.SetDeadline(time.Now().Add(60 * time.Second))
	s.send(Hello{Versions: 1 << Version})
	if hello, ok := s.receive().message.(Hello); !ok || hello.Versions&(1<<Version) == 0 {
		t.Fatalf("the switch says %+v for hello", hello)
	}
	return s
}

// send sends messages and returns the xid of the last one.
func (s *session) send(messages ...Message) uint32 {
	s.t.Helper()
	var b []byte
	var err error
	for _, m := range messages {
		s.xid++
		if b, err = Append(b, s.xid, m); err != nil {
			s.t.Fatal(err)
		}
	}
	if _, err := s.conn.Write(b); err != nil {
		s.t.Fatal(err)
	}
	return s.xid
}

func (s *session) receive() answer {
	s.t.Helper()
	header, err := s.in.Peek(HeaderLen)
	if err != nil {
		s.t.Fatal(err)
	}
	n, err := MessageLen(header)
	if err != nil {
		s.t.Fatal(err)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(s.in, b); err != nil {
		s.t.Fatal(err)
	}
	xid, m, err := Decode(b)
	if err != nil {
		s.t.Fatalf("%v in a message of type %d", err, b[1])
	}
	return answer{xid, m}
}

// exchange sends messages and collects what comes back before the barrier's reply.
func (s *session) exchange(messages ...Message) []answer {
	s.t.Helper()
	barrier := s.send(append(slices.Clone(messages), BarrierRequest{})...)
	var answers []answer
	for {
		a := s.receive()
		if _, ok := a.message.(BarrierReply); ok && a.xid == barrier {
			return answers
		}
		answers = append(answers, a)
	}
}

// commit puts messages in as one bundle; every error reply fails the test.
func (s *session) commit(messages ...Message) {
	s.t.Helper()
	const flags = BundleAtomic | BundleOrdered
	all := []Message{BundleControl{1, BundleOpen, flags}}
	for _, m := range messages {
		all = append(all, BundleAdd{1, flags, m})
	}
	first := s.xid + 1
	for _, a := range s.exchange(append(all, BundleControl{1, BundleClose, flags}, BundleControl{1, BundleCommit, flags})...) {
		if e, ok := a.message.(Error); ok {
			if i := int(a.xid - first); i >= 0 && i < len(all) {
				s.t.Errorf("%v: %v", e, all[i])
			} else {
				s.t.Errorf("%v", e)
			}
		}
	}
}

// dump reads the flows of all tables.
func (s *session) dump(cookie, mask uint64) []Flow {
	s.t.Helper()
	var flows []Flow
	for _, a := range s.exchange(FlowDescRequest{Table: AllTables, Cookie: cookie, CookieMask: mask}) {
		r, ok := a.message.(FlowDescReply)
		if !ok {
			s.t.Fatalf("%+v for a flow dump", a.message)
		}
		for _, f := range r.Flows {
			flows = append(flows, f.Flow)
		}
	}
	return flows
}

// randomFlow is a flow of fields and actions of the kinds a compiler makes.
func randomFlow(r *rand.Rand, i int) Flow {
	var terms []Term
	chance := func(n int) bool { return r.IntN(n) == 0 }
	masked := func(f Field) {
		mask := r.Uint64() & (1<<min(f.Bits(), 63) - 1)
		if chance(2) {
			terms = append(terms, f.IsMasked(r.Uint64()&mask, mask))
		} else {
			terms = append(terms, f.Is(r.Uint64()&(1<<min(f.Bits(), 63)-1)))
		}
	}
	for n := range 16 {
		if chance(4) {
			masked(Reg(n))
		}
	}
	for _, f := range []Field{Metadata, PktMark, CTMark, TunID, EthSrc, EthDst} {
		if chance(6) {
			masked(f)
		}
	}
	if chance(3) {
		terms = append(terms, CTState.IsMasked(CTTrk|uint64(r.IntN(2))<<1, CTTrk|CTEst|CTNew))
	}
	if chance(5) {
		terms = append(terms, InPort.Is(uint64(1+r.IntN(100))))
	}
	if chance(4) {
		terms = append(terms, VlanVID.Is(VlanPresent|uint64(r.IntN(4096))))
		if chance(2) {
			terms = append(terms, VlanPCP.Is(uint64(r.IntN(8))))
		}
	}
	if chance(9) {
		terms = append(terms, ConjID.Is(uint64(r.Uint32())))
	}
	switch r.IntN(5) {
	case 0:
		terms = append(terms, EthType.Is(EthTypeARP), ARPOp.Is(uint64(1+r.IntN(2))))
		masked(ARPSPA)
	case 1, 2:
		terms = append(terms, EthType.Is(EthTypeIPv4))
		masked(IPv4Src)
		masked(IPv4Dst)
	case 3:
		terms = append(terms, EthType.Is(EthTypeIPv6))
		var v, m [16]byte
		for i := range v {
			m[i] = byte(r.Uint32())
			v[i] = byte(r.Uint32()) & m[i]
		}
		terms = append(terms, IPv6Src.IsBytes(v[:], m[:]))
	}
	if last := terms; len(last) > 0 && r.IntN(5) > 0 {
		for _, t := range last {
			if v, _ := t.Uint64(); t.Field() == EthType && v != EthTypeARP {
				switch r.IntN(4) {
				case 0:
					terms = append(terms, IPProto.Is(ProtoTCP))
					masked(TCPDst)
				case 1:
					terms = append(terms, IPProto.Is(ProtoUDP))
					masked(UDPSrc)
				case 2:
					terms = append(terms, IPProto.Is(uint64(r.IntN(256))), IPFrag.IsMasked(FragAny, FragAny))
				}
				break
			}
		}
	}
	f := Flow{Table: uint8(r.IntN(100)), Priority: uint16(i), Cookie: r.Uint64(), Match: MustMatch(terms...)}
	var actions []Action
	if chance(3) {
		for range 1 + r.IntN(5) {
			of := uint8(2 + r.IntN(63))
			actions = append(actions, Conjunction{r.Uint32(), 1 + uint8(r.IntN(int(of))), of})
		}
	} else {
		for range r.IntN(5) {
			mask := uint64(r.Uint32()) | 1
			actions = append(actions, []Action{
				SetField{Reg(r.IntN(16)), uint64(r.Uint32()), 0},
				SetField{Reg(r.IntN(16)), uint64(r.Uint32()) & mask, mask},
				SetField{Metadata, r.Uint64(), 0},
				CopyField{Src: Reg0, Dst: Reg5},
				Resubmit{Table: uint8(r.IntN(250))},
				Output{Port: uint32(1 + r.IntN(100))},
				OutputField{Field: Reg7},
				Note{[]byte{1, 2, byte(i)}},
				Controller{MaxLen: NoBuffer, UserData: []byte{byte(i), 2}, Reason: ReasonAction},
			}[r.IntN(9)])
		}
		if chance(4) {
			actions = append(actions, Goto{f.Table + 1 + uint8(r.IntN(50))})
		}
	}
	f.Actions = MustActions(actions...)
	return f
}

func sortFlows(flows []Flow) []Flow {
	slices.SortFunc(flows, func(a, b Flow) int { return strings.Compare(a.String(), b.String()) })
	return flows
}

// TestSwitchGivesBackTheSameValues puts flows into a real switch and reads
// them back: by value, and as ovs-ofctl prints them.
func TestSwitchGivesBackTheSameValues(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br0")
	s := dialSwitch(t, v, "br0")

	messages := []Message{
		MeterMod{MeterAdd, MeterConfig{1, MeterPktps, []MeterBand{{Type: BandDrop, Rate: 10}}}},
		MeterMod{MeterAdd, MeterConfig{7, MeterKbps | MeterBurst, []MeterBand{{Type: BandDrop, Rate: 10, Burst: 5}}}},
		GroupMod{Command: GroupAdd, Group: GroupDesc{ID: 2, Type: GroupAll, Buckets: []Bucket{{ID: 1, Actions: MustActions(Output{Port: 3})}, {ID: 2, Actions: MustActions(Resubmit{Table: 9})}}}},
	}
	for _, a := range s.exchange(messages...) {
		t.Fatalf("%+v for meters and a group", a.message)
	}
	var want []Flow
	for i, text := range sampleFlows {
		f := mustFlow(text)
		f.Table, f.Priority = 1, uint16(20000+i)
		want = append(want, f)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 1000 {
		want = append(want, randomFlow(r, i))
	}
	mods := make([]Message, len(want))
	for i, f := range want {
		mods[i] = AddFlow(f)
	}
	s.commit(mods...)
	got := s.dump(0, 0)
	if len(got) != len(want) {
		t.Errorf("%d flows came back of %d", len(got), len(want))
	}
	have := map[Flow]bool{}
	for _, f := range got {
		have[f] = true
	}
	byKey := map[FlowKey]Flow{}
	for _, f := range got {
		byKey[f.Key()] = f
	}
	for _, f := range want {
		if !have[f] {
			t.Errorf("sent %s\n got %s", f, byKey[f.Key()])
		}
	}

	var lines []Flow
	for line := range strings.Lines(v.Ofctl("-O", "OpenFlow15", "--no-names", "dump-flows", "br0")) {
		if !strings.Contains(line, "actions=") {
			continue
		}
		f, err := ParseFlow(strings.TrimSpace(line))
		if err != nil {
			t.Errorf("ParseFlow(%q): %v", line, err)
		}
		lines = append(lines, f)
	}
	if !slices.Equal(sortFlows(lines), sortFlows(got)) {
		t.Error("ovs-ofctl dump-flows, parsed, is not what the switch sent")
	}

	one := want[len(want)-1]
	if got := s.dump(one.Cookie, ^uint64(0)); len(got) != 1 || got[0] != one {
		t.Errorf("a dump by cookie gives %v, want %v", got, one)
	}
	for i, f := range want {
		mods[i] = DeleteFlow(f.Key())
	}
	s.commit(mods...)
	if left := s.dump(0, 0); len(left) != 0 {
		t.Errorf("%d flows are left, one is %s", len(left), left[0])
	}
}

func TestSwitchAnswers(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br0")
	v.AddPort("br0", "tap3", 3, "")
	s := dialSwitch(t, v, "br0")
	one := func(m Message) Message {
		t.Helper()
		answers := s.exchange(m)
		if len(answers) != 1 {
			t.Fatalf("%d answers to %+v: %+v", len(answers), m, answers)
		}
		return answers[0].message
	}
	if f := one(FeaturesRequest{}).(FeaturesReply); f.Tables != 254 || f.Capabilities&CapabilityBundles == 0 {
		t.Errorf("features: %+v", f)
	}
	if d := one(DescRequest{}).(DescReply); d.Hardware != "Open vSwitch" || !strings.HasPrefix(d.Software, "3.") {
		t.Errorf("description: %+v", d)
	}
	ports := one(PortDescRequest{}).(PortDescReply).Ports
	if i := slices.IndexFunc(ports, func(p Port) bool { return p.Number == 3 && p.Name == "tap3" }); i < 0 {
		t.Errorf("ports: %+v", ports)
	}
	if got := one(EchoRequest{[]byte("hi")}); !reflect.DeepEqual(got, EchoReply{[]byte("hi")}) {
		t.Errorf("echo: %+v", got)
	}
	if got := one(RoleRequest{Role: RoleNoChange}).(RoleReply); got.Role != RoleEqual {
		t.Errorf("role: %+v", got)
	}
	meter := MeterConfig{5, MeterPktps | MeterBurst, []MeterBand{{Type: BandDrop, Rate: 100, Burst: 10}}}
	group := GroupDesc{ID: 5, Type: GroupSelect, Buckets: []Bucket{{ID: 1, Weight: 10, Actions: MustActions(Output{Port: 3})}, {ID: 2, Weight: 20}}}
	if got := s.exchange(MeterMod{MeterAdd, meter}, GroupMod{Command: GroupAdd, Group: group}); len(got) != 0 {
		t.Fatalf("meter, group: %+v", got)
	}
	if got := one(MeterConfigRequest{AllMeters}).(MeterConfigReply).Meters; !reflect.DeepEqual(got, []MeterConfig{meter}) {
		t.Errorf("meters: %+v", got)
	}
	if got := one(GroupDescRequest{AllGroups}).(GroupDescReply).Groups; !reflect.DeepEqual(got, []GroupDesc{group}) {
		t.Errorf("groups: %+v", got)
	}
	s.commit(AddFlow(mustFlow("table=1 actions=drop")), AddFlow(mustFlow("table=2 actions=drop")))
	if got := one(AggregateRequest{Table: AllTables}).(AggregateReply); got.Flows != 2 {
		t.Errorf("aggregate: %+v", got)
	}
	for _, tc := range []struct {
		mod  Message
		want string
	}{
		{AddFlow(Flow{Actions: MustActions(Group{99})}), "OFPBAC_BAD_OUT_GROUP"},
		{AddFlow(Flow{Actions: MustActions(CT{Table: NoTable})}), "OFPBAC_MATCH_INCONSISTENT"},
		{AddFlow(Flow{Actions: MustActions(SetField{TCPDst, 80, 0})}), "OFPBAC_MATCH_INCONSISTENT"},
		{AddFlow(Flow{Table: 5, Actions: MustActions(Goto{4})}), "OFPBIC_BAD_TABLE_ID"},
		{MeterMod{MeterAdd, meter}, "OFPMMFC_METER_EXISTS"},
		{BundleControl{9, BundleCommit, 0}, "OFPBFC_BAD_ID"},
		{Raw{Type: 99}, "OFPBRC_BAD_TYPE"},
	} {
		e, ok := one(tc.mod).(Error)
		if !ok || e.Name() != tc.want {
			t.Errorf("%+v: %v, want %s", tc.mod, e, tc.want)
		}
		if xid, _, ok := e.Request(); !ok || xid != s.xid-1 {
			t.Errorf("%+v: the error is about %d, %v", tc.mod, xid, ok)
		}
	}
}

func TestSwitchSendsFlowUpdates(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br0")
	v.Ofctl("-O", "OpenFlow15", "add-flow", "br0", "cookie=1,table=1,reg0=5,ip actions=resubmit(,2)")
	s := dialSwitch(t, v, "br0")
	updates := func(answers []answer) (all []FlowUpdate) {
		for _, a := range answers {
			all = append(all, a.message.(FlowMonitorReply).Updates...)
		}
		return all
	}
	got := updates(s.exchange(FlowMonitorRequest{ID: 1, Table: AllTables,
		Flags: MonitorInitial | MonitorAdd | MonitorRemoved | MonitorModify | MonitorInstructions}))
	initial := mustFlow("cookie=1,table=1,reg0=5,ip actions=resubmit(,2)")
	if want := []FlowUpdate{{Event: FlowInitial, Flow: initial}}; !reflect.DeepEqual(got, want) {
		t.Errorf("at first: %+v", got)
	}
	mine := mustFlow("cookie=2,table=1,reg0=6 actions=drop")
	got = updates(s.exchange(AddFlow(mine)))
	if want := []FlowUpdate{{Event: FlowAbbreviated, Xid: s.xid - 1}}; !reflect.DeepEqual(got, want) {
		t.Errorf("own change: %+v, want %+v", got, want)
	}
	v.Ofctl("-O", "OpenFlow15", "add-flow", "br0", "cookie=7,table=1,tcp,reg3=9 actions=output:1")
	v.Ofctl("-O", "OpenFlow15", "mod-flows", "br0", "table=1,reg0=6 actions=output:4")
	v.Ofctl("-O", "OpenFlow15", "--strict", "del-flows", "br0", "table=1,reg0=5,ip")
	got = updates(s.exchange())
	changed := mine
	changed.Actions = MustActions(Output{Port: 4})
	gone := initial
	gone.Actions = Actions{}
	want := []FlowUpdate{
		{Event: FlowAdded, Flow: mustFlow("cookie=7,table=1,tcp,reg3=9 actions=output:1")},
		{Event: FlowModified, Flow: changed},
		{Event: FlowRemovedNow, Flow: gone, Reason: RemovedDelete},
	}
	for i := range got {
		if got[i].Event == FlowRemovedNow {
			got[i].Flow.Actions = Actions{}
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("foreign changes:\n%+v\nwant\n%+v", got, want)
	}
}

func TestSwitchSendsPackets(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br0")
	v.AddPort("br0", "tap3", 3, "")
	s := dialSwitch(t, v, "br0")
	packet := make([]byte, 60)
	copy(packet, []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5})
	out := PacketOut{InPort: 3, Metadata: MustMatch(Reg1.Is(9)), Actions: MustActions(Output{Port: PortTable}), Packet: packet}
	for _, standard := range []bool{false, true} {
		t.Run(fmt.Sprintf("standard=%v", standard), func(t *testing.T) {
			answers := s.exchange(SetConfig{MissSendLen: NoBuffer}, SetPacketInFormat{Standard: standard},
				AddFlow(mustFlow("cookie=0x5 actions=set_field:7->reg0,controller(max_len=20,reason=action,userdata=01.02.03)")), out)
			for len(answers) == 0 {
				answers = append(answers, s.receive())
			}
			want := PacketIn{Standard: standard, Reason: ReasonAction, Cookie: 5, Packet: packet, FullLen: 60,
				Metadata: MustMatch(InPort.Is(3), Reg0.Is(7), Reg1.Is(9))}
			if !standard {
				want.UserData = []byte{1, 2, 3}
			}
			if got := answers[0].message; !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		})
	}
}
