package wire

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/internal/ovstest"
	"github.com/ringfence/ringfence/openflow"
)

func sortFlows(flows []openflow.Flow) []openflow.Flow {
	slices.SortFunc(flows, func(a, b openflow.Flow) int { return strings.Compare(a.String(), b.String()) })
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
	}
	v.Ofctl("-O", "OpenFlow15", "add-group", "br0", "group_id=2,type=all,bucket=output:3,bucket=resubmit(,9)")
	for _, a := range s.exchange(messages...) {
		t.Fatalf("%+v for meters", a.message)
	}
	var want []openflow.Flow
	for i, text := range sampleFlows(t) {
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
	have := map[openflow.Flow]bool{}
	for _, f := range got {
		have[f] = true
	}
	byKey := map[openflow.FlowKey]openflow.Flow{}
	for _, f := range got {
		byKey[f.Key()] = f
	}
	for _, f := range want {
		if !have[f] {
			t.Errorf("sent %s\n got %s", f, byKey[f.Key()])
		}
	}

	var lines []openflow.Flow
	for line := range strings.Lines(v.Ofctl("-O", "OpenFlow15", "--no-names", "dump-flows", "br0")) {
		if !strings.Contains(line, "actions=") {
			continue
		}
		f, err := openflow.ParseFlow(strings.TrimSpace(line))
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
	ports := one(PortDescRequest{}).(PortDescReply).Ports
	if i := slices.IndexFunc(ports, func(p Port) bool { return p.Number == 3 && p.Name == "tap3" }); i < 0 {
		t.Errorf("ports: %+v", ports)
	}
	if got := one(EchoRequest{[]byte("hi")}); !reflect.DeepEqual(got, EchoReply{[]byte("hi")}) {
		t.Errorf("echo: %+v", got)
	}
	meter := MeterConfig{5, MeterPktps | MeterBurst, []MeterBand{{Type: BandDrop, Rate: 100, Burst: 10}}}
	if got := s.exchange(MeterMod{MeterAdd, meter}); len(got) != 0 {
		t.Fatalf("meter: %+v", got)
	}
	if got := one(MeterConfigRequest{AllMeters}).(MeterConfigReply).Meters; !reflect.DeepEqual(got, []MeterConfig{meter}) {
		t.Errorf("meters: %+v", got)
	}
	for _, tc := range []struct {
		mod  Message
		want string
	}{
		{AddFlow(openflow.Flow{Actions: openflow.MustActions(openflow.Group{ID: 99})}), "OFPBAC_BAD_OUT_GROUP"},
		{AddFlow(openflow.Flow{Actions: openflow.MustActions(openflow.CT{Table: openflow.NoTable})}), "OFPBAC_MATCH_INCONSISTENT"},
		{AddFlow(openflow.Flow{Actions: openflow.MustActions(openflow.SetField{Field: openflow.TCPDst, Value: 80, Mask: 0})}), "OFPBAC_MATCH_INCONSISTENT"},
		{AddFlow(openflow.Flow{Table: 5, Actions: openflow.MustActions(openflow.Goto{Table: 4})}), "OFPBIC_BAD_TABLE_ID"},
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
	changed.Actions = openflow.MustActions(openflow.Output{Port: 4})
	gone := initial
	gone.Actions = openflow.Actions{}
	want := []FlowUpdate{
		{Event: FlowAdded, Flow: mustFlow("cookie=7,table=1,tcp,reg3=9 actions=output:1")},
		{Event: FlowModified, Flow: changed},
		{Event: FlowRemovedNow, Flow: gone, Reason: 2 /* deleted */},
	}
	for i := range got {
		if got[i].Event == FlowRemovedNow {
			got[i].Flow.Actions = openflow.Actions{}
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
	out := PacketOut{InPort: 3, Metadata: openflow.MustMatch(openflow.Reg1.Is(9)), Actions: openflow.MustActions(openflow.Output{Port: openflow.PortTable}), Packet: packet}
	for _, standard := range []bool{false, true} {
		t.Run(fmt.Sprintf("standard=%v", standard), func(t *testing.T) {
			answers := s.exchange(SetConfig{MissSendLen: openflow.NoBuffer}, SetPacketInFormat{Standard: standard},
				AddFlow(mustFlow("cookie=0x5 actions=set_field:7->reg0,controller(max_len=20,reason=action,userdata=01.02.03)")), out)
			for len(answers) == 0 {
				answers = append(answers, s.receive())
			}
			want := PacketIn{Standard: standard, Reason: openflow.ReasonAction, Cookie: 5, Packet: packet, FullLen: 60,
				Metadata: openflow.MustMatch(openflow.InPort.Is(3), openflow.Reg0.Is(7), openflow.Reg1.Is(9))}
			if !standard {
				want.UserData = []byte{1, 2, 3}
			}
			if got := answers[0].message; !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		})
	}
}
