package openflow

import (
	"net/netip"
	"strings"
	"testing"
)

func TestMatchIsCanonical(t *testing.T) {
	a := MustMatch(TCPDst.Is(80), IPProto.Is(ProtoTCP), EthType.Is(EthTypeIPv4), IPv4Src.IsPrefix(netip.MustParsePrefix("10.1.2.3/8")))
	b := MustMatch(EthType.Is(EthTypeIPv4), IPv4Src.IsMasked(0x0a000000, 0xff000000), IPProto.Is(ProtoTCP), TCPDst.IsMasked(80, 0xffff), Reg0.IsMasked(0, 0))
	if a != b {
		t.Fatalf("%s != %s", a, b)
	}
	if got, want := a.String(), "tcp,nw_src=10.0.0.0/8,tp_dst=80"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if p, ok := a.Prefix(IPv4Src); !ok || p != netip.MustParsePrefix("10.0.0.0/8") {
		t.Errorf("Prefix(IPv4Src) = %v, %v", p, ok)
	}
	if v, m, ok := a.Uint64(TCPDst); v != 80 || m != 0xffff || !ok {
		t.Errorf("Uint64(TCPDst) = %d, %#x, %v", v, m, ok)
	}
	if _, _, ok := a.Get(Reg0); ok {
		t.Error("an empty mask became a condition")
	}
	again, err := NewMatch(a.Terms()...)
	if err != nil || again != a {
		t.Errorf("NewMatch(Terms()) = %s, %v", again, err)
	}
	more, err := a.With(Reg3.Is(5))
	if err != nil || more.String() != "tcp,reg3=0x5,nw_src=10.0.0.0/8,tp_dst=80" {
		t.Errorf("With = %s, %v", more, err)
	}
}

func TestMatchRefuses(t *testing.T) {
	for _, tc := range []struct {
		name  string
		terms []Term
		want  string
	}{
		{"twice", []Term{Reg0.Is(1), Reg0.Is(1)}, "reg0 is given twice"},
		{"prerequisite", []Term{EthType.Is(EthTypeIPv4), TCPDst.Is(80)}, "tcp_dst requires nw_proto=6"},
		{"prerequisite of another family", []Term{EthType.Is(EthTypeIPv6), IPv4Src.Is(1)}, "nw_src requires dl_type=0x0800"},
		{"later fragments have no ports", []Term{EthType.Is(EthTypeIPv4), IPProto.Is(17), IPFrag.Is(FragAny | FragLater), UDPDst.Is(53)}, "udp_dst requires"},
		{"too big", []Term{Reg0.Is(1 << 32)}, "reg0 is given a value that does not fit"},
		{"too wide a mask", []Term{CTState.IsMasked(0, 0x100)}, "ct_state is given a value that does not fit"},
		{"mask on an exact field", []Term{EthType.IsMasked(0x0800, 0xff00)}, "dl_type is given a mask"},
		{"family", []Term{IPv4Src.IsAddr(netip.MustParseAddr("::1"))}, "nw_src is given a value of another kind"},
		{"length", []Term{CTLabel.IsBytes([]byte{1}, nil)}, "ct_label is given a value of the wrong length"},
		{"no field", []Term{Field(0).Is(1)}, "unknown field 0"},
		{"no field", []Term{Field(200).IsBytes(nil, nil)}, "unknown field 200"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, err := NewMatch(tc.terms...)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("NewMatch = %s, %v; want an error with %q", m, err, tc.want)
			}
		})
	}
}

func TestFlowString(t *testing.T) {
	f := Flow{
		Table: 3, Priority: 5, Cookie: 0x5,
		Match: MustMatch(CTState.IsMasked(CTNew|CTTrk, CTNew|CTEst|CTTrk), EthType.Is(EthTypeIPv4), IPProto.Is(ProtoTCP),
			Reg0.Is(1), Reg1.IsMasked(2, 0xff), InPort.Is(5), TCPDst.Is(80)),
		Actions: MustActions(CT{Commit: true, Table: 3, Zone: 5, Exec: []Action{SetField{CTMark, 5, 0}}},
			Resubmit{Table: 5}, SetField{Reg0, 10, 0x3e}, SetField{Field: Reg3, Value: 5, Mask: 0xff}, Goto{7}),
	}
	want := "cookie=0x5, table=3, priority=5,ct_state=+new-est+trk,tcp,reg0=0x1,reg1=0x2/0xff,in_port=5,tp_dst=80 " +
		"actions=ct(commit,table=3,zone=5,exec(set_field:0x5->ct_mark)),resubmit(,5),set_field:0xa/0x3e->reg0,set_field:0x5/0xff->reg3,goto_table:7"
	if got := f.String(); got != want {
		t.Errorf("String() =\n%s\nwant\n%s", got, want)
	}
	if got, want := (Flow{Priority: DefaultPriority}).String(), "cookie=0x0, table=0, actions=drop"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if again := MustActions(f.Actions.List()...); again != f.Actions {
		t.Errorf("NewActions(List()) = %s, want %s", again, f.Actions)
	}
}

func TestConjunctionsAreSorted(t *testing.T) {
	a := MustActions(Conjunction{7, 2, 2}, Conjunction{3, 1, 3}, Note{[]byte("x")}, Conjunction{3, 3, 3})
	b := MustActions(Conjunction{3, 1, 3}, Conjunction{3, 3, 3}, Conjunction{7, 2, 2}, Note{[]byte("x")})
	if a != b {
		t.Errorf("%s != %s", a, b)
	}
}
