package megaflow_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/controller/megaflow"
	"github.com/ringfence/ringfence/internal/ovstest"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/unixctl"
)

// When Settle returns no megaflow does what the tables said before, however young it
// was when they changed. The megaflows do not overlap, so that none is misplaced.
func TestNoOldMegaflowIsLeft(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br0")
	v.AddPort("br0", "p1", 1, "")
	v.AddPort("br0", "p2", 2, "")
	v.AddPort("br0", "p3", 3, "")
	conn, err := ofconn.Dial(t.Context(), filepath.Join(v.RunDir, "br0.mgmt"), ofconn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctl := unixctl.Open(v.RunDir)
	defer ctl.Close()
	s := megaflow.NewSettler(ctl, func() *ofconn.Conn { return conn }, megaflow.NewCache(ctl, func() string { return "dummy@ovs-dummy" }, nil), slog.New(slog.DiscardHandler))

	sent := 0
	send := func(n int) {
		command := []string{"p1"}
		for range n {
			sent++
			command = append(command, fmt.Sprintf("in_port(1),eth(src=02:00:00:%02x:%02x:%02x,dst=02:00:00:00:00:02),eth_type(0x0800),ipv4(src=10.0.0.2,dst=10.0.0.1,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)",
				sent>>16, sent>>8&0xff, sent&0xff))
		}
		if _, err := ctl.Call(t.Context(), "netdev-dummy/receive", command...); err != nil {
			t.Fatal(err)
		}
	}
	// All sources are told apart by the first flow, so that each has its megaflow.
	other := wire.AddFlow(openflow.Flow{Priority: 2, Match: openflow.MustMatch(openflow.EthSrc.IsMAC([6]byte{2, 0xff}))})
	seen := 0
	for round := range 20 {
		port := uint32(2 + round%2)
		send(400) // so many that a pass takes its time
		change := []wire.FlowMod{other, wire.AddFlow(openflow.Flow{Priority: 1, Actions: openflow.MustActions(openflow.Output{Port: port})})}
		if err := conn.Bundle(t.Context(), change); err != nil {
			t.Fatal(err)
		}
		if err := s.Settle(context.WithoutCancel(t.Context()), megaflow.Narrowed); err != nil {
			t.Fatal(err)
		}
		now, before := fmt.Sprintf("actions:p%d", port), fmt.Sprintf("actions:p%d", 5-port)
		flows, err := ctl.Call(t.Context(), "dpif/dump-flows", "-m", "br0")
		if err != nil {
			t.Fatal(err)
		}
		seen += strings.Count(flows, now)
		if strings.Contains(flows, before) || strings.Contains(flows, "actions:drop") {
			t.Fatalf("round %d: of %d megaflows %d are of before", round, strings.Count(flows, "actions:"), strings.Count(flows, before))
		}
	}
	if seen < 1000 {
		t.Errorf("only %d megaflows were looked at", seen)
	}
}
