package openflow_test

import (
	"fmt"

	of "github.com/ringfence/ringfence/openflow"
)

// A flow has one value, however it is written: it can be a map's key, and be
// compared with what a switch reports.
func ExampleParseFlow() {
	a, err := of.ParseFlow("table=20, priority=100,tcp,nw_src=10.0.0.1/24,tp_dst=80 actions=goto_table:30")
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := of.ParseFlow("priority=100,table=20,dl_type=0x800,nw_proto=6,ip_src=10.0.0.0/24,tcp_dst=80 actions=goto_table:30")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(a)
	fmt.Println(a == b)
	// Output:
	// cookie=0x0, table=20, priority=100,tcp,nw_src=10.0.0.0/24,tp_dst=80 actions=goto_table:30
	// true
}

// Flows are made of terms and actions, which are checked against each other: a
// match on ports needs the protocol's.
func ExampleNewMatch() {
	_, err := of.NewMatch(of.EthType.Is(of.EthTypeIPv4), of.TCPDst.Is(80))
	fmt.Println(err)
	m, err := of.NewMatch(of.EthType.Is(of.EthTypeIPv4), of.IPProto.Is(of.ProtoTCP), of.TCPDst.Is(80))
	fmt.Println(m, err)
	// Output:
	// openflow: field tcp_dst requires nw_proto=6, and nw_frag other than later
	// tcp,tp_dst=80 <nil>
}
