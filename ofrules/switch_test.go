package ofrules_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/internal/ovstest"
	"github.com/ringfence/ringfence/ofrules"
	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/ofsim"
	"github.com/ringfence/ringfence/openflow/oftrace"
	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/unixctl"
)

// bridgePorts is how many NICs can be plugged into a bridge.
const bridgePorts = 12

// bridge is a station of a real ovs-vswitchd, whose datapath is a dummy.
type bridge struct {
	name  string
	conn  *ofconn.Conn
	ctl   *unixctl.Client
	flows map[of.FlowKey]of.Flow // as installed
}

// startBridges starts an ovs-vswitchd with some bridges. Each has an uplink and
// ports for NICs that newFabric plugs in.
func startBridges(t *testing.T, names ...string) []*bridge {
	t.Helper()
	v := ovstest.Start(t, ovstest.Options{})
	ctl := unixctl.Open(v.RunDir)
	t.Cleanup(func() { ctl.Close() })
	var bridges []*bridge
	for _, name := range names {
		v.AddBridge(name)
		var args []string
		for _, port := range append([]int{uplink}, sequence(firstPort, bridgePorts)...) {
			device := fmt.Sprintf("%sp%d", name, port)
			args = append(args, "--", "add-port", name, device, "--", "set", "interface", device, "type=dummy", fmt.Sprint("ofport_request=", port))
		}
		v.Vsctl(args[1:]...)
		conn, err := ofconn.Dial(t.Context(), v.MgmtSock(name), ofconn.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		bridges = append(bridges, &bridge{name, conn, ctl, map[of.FlowKey]of.Flow{}})
	}
	return bridges
}

func sequence(from, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = from + i
	}
	return out
}

// install brings the bridge to a flow set by one bundle, as a controller does,
// and reads it back: the switch has these flows, value for value, and no others.
func (b *bridge) install(t *testing.T, flows []of.Flow) {
	t.Helper()
	d := ofrules.Diff(slices.Collect(maps.Values(b.flows)), flows)
	var mods []wire.FlowMod
	for _, f := range d.Put {
		mods = append(mods, wire.AddFlow(f))
		b.flows[f.Key()] = f
	}
	for _, f := range d.Delete {
		mods = append(mods, wire.DeleteFlow(f.Key()))
		delete(b.flows, f.Key())
	}
	if err := b.conn.Bundle(t.Context(), mods); err != nil {
		t.Fatal(err)
	}
	stats, err := b.conn.Dump(t.Context(), ofrules.CookieOwner, ofrules.CookieMask)
	if err != nil {
		t.Fatal(err)
	}
	var have []of.Flow
	for _, s := range stats {
		have = append(have, s.Flow)
	}
	if d := ofrules.Diff(have, flows); !d.Empty() {
		t.Fatalf("the switch has other flows than were installed:\nmissing or other %v\ntoo many %v", d.Put, d.Delete)
	}
}

var (
	traceExit   = regexp.MustCompile(`push_vlan\(vid=(\d+),pcp=0\)|pop_vlan|\b[a-z]+p(\d+)\b`)
	traceCommit = regexp.MustCompile(`ct\((?:force_)?commit,zone=(\d+),mark=(0x[0-9a-f]+)/0xffffffff,label=0/0x1\)`)
)

// carry asks ofproto/trace.
func (b *bridge) carry(tb testing.TB, frame ofsim.Packet, states []uint32) passage {
	tb.Helper()
	o := unixctl.TraceOptions{Names: true}
	for states = slices.Clone(states); len(states) <= bridgePorts; { // a flooded frame recirculates for each NIC
		states = append(states, alone(frame))
	}
	for _, s := range states {
		o.CTNext = append(o.CTNext, ctNext(s))
	}
	text, err := b.ctl.Trace(context.Background(), b.name, frame.String(), o)
	if err != nil {
		tb.Fatalf("%v: %v", frame, err)
	}
	p := passage{story: traceText(text)}
	trace := oftrace.Parse(text)
	if len(trace.Unknown) > 0 {
		tb.Fatalf("lines %v of\n%s", trace.Unknown, text)
	}
	for _, pass := range trace.Passes {
		if pass.Failed != "" {
			tb.Fatalf("%s\n%s", pass.Failed, text)
		}
		vlan := uint64(0)
		for _, m := range traceExit.FindAllStringSubmatch(pass.Datapath, -1) {
			switch {
			case m[1] != "":
				vid, _ := strconv.ParseUint(m[1], 10, 12)
				vlan = of.VlanPresent | vid
			case m[2] != "":
				port, _ := strconv.ParseUint(m[2], 10, 32)
				p.exits = append(p.exits, exit{uint32(port), vlan})
			default:
				vlan = 0
			}
		}
		for _, m := range traceCommit.FindAllStringSubmatch(pass.Datapath, -1) {
			zone, _ := strconv.ParseUint(m[1], 10, 16)
			mark, _ := strconv.ParseUint(m[2], 0, 32)
			p.admissions = append(p.admissions, admission{uint16(zone), uint32(mark)})
		}
	}
	return p
}

// traceText is a story as the switch tells it.
type traceText string

func (s traceText) String() string { return string(s) }

// ctNext is a conntrack state as ofproto/trace wants it.
func ctNext(state uint32) string {
	var names []string
	for bit, name := range map[uint32]string{of.CTNew: "new", of.CTEst: "est", of.CTRel: "rel", of.CTRpl: "rpl", of.CTInv: "inv", of.CTTrk: "trk"} {
		if state&bit != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ",")
}
