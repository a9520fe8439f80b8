package wire

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/openflow"
)

// sampleFlows are the sample flows of package openflow, in text.
func sampleFlows(tb testing.TB) []string {
	tb.Helper()
	text, err := os.ReadFile("../testdata/flows.txt")
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// mustFlow is a flow from text.
func mustFlow(text string) openflow.Flow {
	f, err := openflow.ParseFlow(text)
	if err != nil {
		panic(err)
	}
	return f
}

var tcpFlow = mustFlow("cookie=0x7,table=3,priority=100,tcp,reg0=0x1,nw_src=10.0.0.0/8,tp_dst=80 actions=set_field:0x5->reg1,resubmit(,4)")

// wireCases are messages, and what ovs-ofctl ofp-print must say about each.
var wireCases = []struct {
	message Message
	want    string
}{
	{Hello{Versions: 1 << 6}, "OFPT_HELLO (OF1.5) (xid=0x9):\n version bitmap: 0x06"},
	{EchoRequest{[]byte("ab")}, "OFPT_ECHO_REQUEST (OF1.5) (xid=0x9): 2 bytes of payload\n00000000  61 62                                           |ab              |"},
	{EchoReply{}, "OFPT_ECHO_REPLY (OF1.5) (xid=0x9): 0 bytes of payload"},
	{SetConfig{MissSendLen: 128}, "OFPT_SET_CONFIG (OF1.5) (xid=0x9): frags=normal miss_send_len=128"},
	{BarrierRequest{}, "OFPT_BARRIER_REQUEST (OF1.5) (xid=0x9):"},
	{BarrierReply{}, "OFPT_BARRIER_REPLY (OF1.5) (xid=0x9):"},
	{SetAsync{[]AsyncMask{{AsyncPacketIn, 2}, {AsyncPortStatus, 7}, {AsyncFlowRemoved, 0}}}, "OFPT_SET_ASYNC (OF1.5) (xid=0x9):"},
	{AddFlow(tcpFlow), "OFPT_FLOW_MOD (OF1.5) (xid=0x9): ADD table:3 priority=100,tcp,reg0=0x1,nw_src=10.0.0.0/8,tp_dst=80 cookie:0x7 actions=set_field:0x5->reg1,resubmit(,4)"},
	{DeleteFlow(tcpFlow.Key()), "OFPT_FLOW_MOD (OF1.5) (xid=0x9): DEL_STRICT table:3 priority=100,tcp,reg0=0x1,nw_src=10.0.0.0/8,tp_dst=80 actions=drop"},
	{FlowMod{Command: FlowDelete, Flow: openflow.Flow{Table: AllTables, Priority: openflow.DefaultPriority, Cookie: 5}, CookieMask: 0xff, OutPort: 7},
		"OFPT_FLOW_MOD (OF1.5) (xid=0x9): DEL table:255 cookie:0x5/0xff out_port:7 actions=drop"},
	{FlowMod{Command: FlowModifyStrict, Flow: tcpFlow, IdleTimeout: 5, HardTimeout: 6, Importance: 7, Flags: 1<<0 | 1<<2},
		"OFPT_FLOW_MOD (OF1.5) (xid=0x9): MOD_STRICT table:3 priority=100,tcp,reg0=0x1,nw_src=10.0.0.0/8,tp_dst=80 idle:5 hard:6 send_flow_rem reset_counts actions=set_field:0x5->reg1,resubmit(,4)"},
	{BundleControl{3, BundleOpen, BundleAtomic | BundleOrdered}, "OFPT_BUNDLE_CONTROL (OF1.5) (xid=0x9):\n bundle_id=0x3 type=OPEN_REQUEST flags=atomic ordered"},
	{BundleControl{3, BundleCommitted, BundleAtomic}, "OFPT_BUNDLE_CONTROL (OF1.5) (xid=0x9):\n bundle_id=0x3 type=COMMIT_REPLY flags=atomic"},
	{BundleAdd{3, BundleAtomic, DeleteFlow(openflow.Flow{Table: 2, Priority: 1}.Key())},
		"OFPT_BUNDLE_ADD_MESSAGE (OF1.5) (xid=0x9):\n bundle_id=0x3 flags=atomic\nOFPT_FLOW_MOD (OF1.5) (xid=0x9): DEL_STRICT table:2 priority=1 actions=drop"},
	{FlowDescRequest{Table: AllTables, Cookie: 5, CookieMask: 0xff, Match: tcpFlow.Match, OutPort: 3},
		"OFPST_FLOW request (OF1.5) (xid=0x9): out_port=3 tcp,reg0=0x1,nw_src=10.0.0.0/8,tp_dst=80"},
	{FlowDescReply{Flows: []FlowStats{
		{Flow: tcpFlow, Packets: 5, Bytes: 500, Duration: 1500 * time.Millisecond, IdleTimeout: 9},
		{Flow: openflow.Flow{Table: 1, Priority: 0}, Importance: 3, Flags: 1 << 0}}},
		"OFPST_FLOW reply (OF1.5) (xid=0x9):\n cookie=0x7, duration=1.500s, table=3, n_packets=5, n_bytes=500, idle_timeout=9, idle_age=0, priority=100,tcp,reg0=0x1,nw_src=10.0.0.0/8,tp_dst=80 actions=set_field:0x5->reg1,resubmit(,4)\n" +
			" cookie=0x0, duration=0s, table=1, n_packets=0, n_bytes=0, send_flow_rem importance=3, idle_age=0, priority=0 actions=drop"},
	{PortDescRequest{}, "OFPST_PORT_DESC request (OF1.5) (xid=0x9): port=ANY"},
	{PortDescReply{Ports: []Port{{Number: 3, MAC: [6]byte{2, 0, 0, 0, 0, 5}, Name: "tap0"}}},
		"OFPST_PORT_DESC reply (OF1.5) (xid=0x9):\n 3(tap0): addr:02:00:00:00:00:05\n     config:     0\n     state:      0\n     speed: 0 Mbps now, 0 Mbps max"},
	{FlowMonitorRequest{ID: 5, Flags: MonitorInitial | MonitorAdd | MonitorRemoved | MonitorModify | MonitorInstructions, Table: AllTables, Match: openflow.MustMatch(openflow.EthType.Is(openflow.EthTypeARP))},
		"OFPST_FLOW_MONITOR request (OF1.5) (xid=0x9):\n id=5 flags=initial,add,delete,modify,actions arp"},
	{FlowMonitorReply{Updates: []FlowUpdate{{Event: FlowAdded, Flow: tcpFlow}, {Event: FlowRemovedNow, Reason: 2, Flow: openflow.Flow{Table: 1, Priority: 5}},
		{Event: FlowAbbreviated, Xid: 0x1234}, {Event: FlowPaused}, {Event: FlowResumed}}},
		"OFPST_FLOW_MONITOR reply (OF1.5) (xid=0x9):\n event=ADDED table=3 cookie=0x7 tcp,reg0=0x1,nw_src=10.0.0.0/8,tp_dst=80 actions=set_field:0x5->reg1,resubmit(,4)\n" +
			" event=DELETED reason=delete table=1 cookie=0 \n event=ABBREV xid=0x1234\n event=PAUSED\n event=RESUMED"},
	{MeterMod{MeterAdd, MeterConfig{1, MeterKbps | MeterBurst, []MeterBand{{Type: BandDrop, Rate: 1000, Burst: 100}, {Type: BandDSCP, Rate: 500, Precedence: 1}}}},
		"OFPT_METER_MOD (OF1.5) (xid=0x9): ADD meter=1 kbps burst bands=\ntype=drop rate=1000 burst_size=100\ntype=dscp_remark rate=500 burst_size=0 prec_level=1"},
	{MeterConfigRequest{AllMeters}, "OFPST_METER_CONFIG request (OF1.5) (xid=0x9): meter=all"},
	{MeterConfigReply{Meters: []MeterConfig{{ID: 1, Flags: MeterPktps, Bands: []MeterBand{{Type: BandDrop, Rate: 9}}}}},
		"OFPST_METER_CONFIG reply (OF1.5) (xid=0x9):\nmeter=1 pktps bands=\ntype=drop rate=9"},
	{PacketOut{InPort: openflow.PortController, Metadata: openflow.MustMatch(openflow.Reg0.Is(5)), Actions: openflow.MustActions(openflow.Output{Port: openflow.PortTable}), Packet: []byte{1, 2, 3}},
		"OFPT_PACKET_OUT (OF1.5) (xid=0x9): reg0=0x5,in_port=CONTROLLER actions=TABLE data_len=3\n"},
	{PacketIn{Table: 3, Cookie: 7, Reason: openflow.ReasonAction, Metadata: openflow.MustMatch(openflow.InPort.Is(3), openflow.Reg0.Is(5)), Packet: []byte{1, 2, 3}, FullLen: 60, UserData: []byte{1, 2}},
		"NXT_PACKET_IN2 (OF1.5) (xid=0x9): table_id=3 cookie=0x7 total_len=60 reg0=0x5,in_port=3 (via action) data_len=3 (unbuffered) (***total_len != data_len***)\n userdata=01.02\n"},
	{PacketIn{Standard: true, Table: 3, Cookie: 7, Reason: openflow.ReasonNoMatch, Metadata: openflow.MustMatch(openflow.InPort.Is(3)), Packet: []byte{1, 2, 3}, FullLen: 60},
		"OFPT_PACKET_IN (OF1.5) (xid=0x9): table_id=3 cookie=0x7 total_len=60 in_port=3 (via no_match) data_len=3 (unbuffered) (***total_len != data_len***)\n"},
	{SetPacketInFormat{}, "NXT_SET_PACKET_IN_FORMAT (OF1.5) (xid=0x9): format=nxt_packet_in2"},
	{Error{Type: 1, Code: 6, Data: []byte{6, 20, 0, 8, 0, 0, 0, 5}}, "OFPT_ERROR (OF1.5) (xid=0x9): OFPBRC_BAD_LEN\nOFPT_BARRIER_REQUEST (OF1.5) (xid=0x5):"},
	{Raw{Type: 4, Body: []byte{0, 0, 0x23, 0x20, 0, 0, 0, 18}}, "NXT_FLOW_AGE (OF1.5) (xid=0x9):"},
	{Raw{Type: 26}, "OFPT_GET_ASYNC_REQUEST (OF1.5) (xid=0x9):"},
	{RawMultipart{Type: 3}, "OFPST_TABLE request (OF1.5) (xid=0x9):"},
	{RawMultipart{Type: 8, Reply: true, More: true, Body: make([]byte, 40)}, "OFPST_GROUP_FEATURES reply (OF1.5) (xid=0x9):"},
}

// printed is what ovs-ofctl says about messages: of all in one process, which takes longer
// to start than to print them.
func printed(t *testing.T, messages [][]byte) []string {
	t.Helper()
	// Some messages hold others, so that this one tells where the next begins.
	end, err := Append(nil, 0xabcdef, EchoRequest{})
	if err != nil {
		t.Fatal(err)
	}
	const says = "OFPT_ECHO_REQUEST (OF1.5) (xid=0xabcdef): 0 bytes of payload\n"
	file := filepath.Join(t.TempDir(), "messages")
	if err := os.WriteFile(file, append(bytes.Join(messages, end), end...), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ovs-ofctl", "-m", "ofp-parse", file).CombinedOutput()
	if err != nil {
		t.Fatalf("ovs-ofctl ofp-parse: %v: %s", err, out)
	}
	all := strings.Split(strings.TrimSuffix(string(out), says), says)
	if len(all) != len(messages) {
		t.Fatalf("ovs-ofctl says %d messages of %d:\n%s", len(all), len(messages), out)
	}
	return all
}

func TestWireAgreesWithOfctl(t *testing.T) {
	var messages [][]byte
	for _, tc := range wireCases {
		b, err := Append(nil, 9, tc.message)
		if err != nil {
			t.Fatalf("%T: %v", tc.message, err)
		}
		messages = append(messages, b)
	}
	says := printed(t, messages)
	for i, tc := range wireCases {
		t.Run(fmt.Sprintf("%T", tc.message), func(t *testing.T) {
			b, got := messages[i], says[i]
			if !strings.HasPrefix(got, tc.want) {
				t.Errorf("ovs-ofctl says\n%s\nwant\n%s", got, tc.want)
			}
			xid, m, err := Decode(b)
			if err != nil || xid != 9 || !reflect.DeepEqual(m, tc.message) {
				t.Errorf("Decode = %d, %+v, %v\nwant %+v", xid, m, err, tc.message)
			}
			for n := range b {
				if _, _, err := Decode(b[:n]); err == nil {
					t.Fatalf("Decode takes the first %d of %d bytes", n, len(b))
				}
			}
		})
	}
}

// TestWireCarriesEveryFlow sends each sample flow through the codec and has
// ovs-ofctl read what went over the wire.
func TestWireCarriesEveryFlow(t *testing.T) {
	var flows []openflow.Flow
	var messages [][]byte
	for _, text := range sampleFlows(t) {
		f := mustFlow(text)
		b, err := Append(nil, 9, AddFlow(f))
		if err != nil {
			t.Fatal(err)
		}
		_, m, err := Decode(b)
		if err != nil || m.(FlowMod).Flow != f {
			t.Errorf("%s: Decode = %v, %v", f, m, err)
		}
		flows, messages = append(flows, f), append(messages, b)
	}
	for i, got := range printed(t, messages) {
		if _, rule, _ := strings.Cut(got, ": ADD"); strings.TrimSpace(rule) != ofctlText(flows[i]) {
			t.Errorf("ovs-ofctl says %s\nwant %s", got, ofctlText(flows[i]))
		}
	}
}

// ofctlText is a flow as ovs-ofctl parse-flows prints flow mods.
func ofctlText(f openflow.Flow) string {
	var parts []string
	if f.Table != 0 {
		parts = append(parts, fmt.Sprintf("table:%d", f.Table))
	}
	rule := f.Match.String()
	if f.Priority != openflow.DefaultPriority {
		rule = strings.TrimSuffix(fmt.Sprintf("priority=%d,%s", f.Priority, rule), ",")
	}
	if rule != "" {
		parts = append(parts, rule)
	}
	if f.Cookie != 0 {
		parts = append(parts, fmt.Sprintf("cookie:%#x", f.Cookie))
	}
	return strings.Join(append(parts, "actions="+f.Actions.String()), " ")
}
