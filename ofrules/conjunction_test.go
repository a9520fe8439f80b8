package ofrules_test

import (
	"slices"
	"strings"
	"testing"

	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofsim"
	"github.com/ringfence/ringfence/openflow/wire"
)

// TestConjunctionsOfTheSwitch pins what the compiler takes for granted about
// conjunctions (ovs-fields(7), "Conjunctive Match Fields") on the Open vSwitch
// that is installed, and holds the Sim to it. Each fact is a flow set and packets,
// with the ports of which they may leave by one.
func TestConjunctionsOfTheSwitch(t *testing.T) {
	t.Parallel()
	b := startBridges(t, "facts")[0]
	for _, fact := range []struct {
		name    string
		flows   string
		packets map[string][]uint32 // nil: dropped
	}{
		{"clauses with different masks all take part", `
			priority=10,ip,nw_src=10.0.0.0/8 actions=conjunction(1,1/2)
			priority=10,ip,nw_src=10.1.0.0/16 actions=conjunction(2,1/2)
			priority=10,ip,nw_src=10.1.1.1 actions=conjunction(3,1/2)
			priority=10,tcp,tp_dst=80 actions=conjunction(1,2/2)
			priority=10,tcp,tp_dst=80/0xfff0 actions=conjunction(2,2/2)
			priority=10,tcp,tp_dst=0/0x8000 actions=conjunction(3,2/2)
			priority=20,conj_id=1 actions=output:11
			priority=20,conj_id=2 actions=output:12
			priority=20,conj_id=3 actions=output:13
			priority=0 actions=drop`,
			map[string][]uint32{
				"tcp,nw_src=10.2.0.1,tp_dst=80": {11},
				"tcp,nw_src=10.2.0.1,tp_dst=81": nil,
				"tcp,nw_src=10.1.0.1,tp_dst=81": {12},
				"tcp,nw_src=10.1.0.1,tp_dst=99": nil,
				"tcp,nw_src=10.1.1.1,tp_dst=99": {13},
			}},
		{"if several are complete, it is one of them", `
			priority=10,ip,nw_src=10.0.0.0/8 actions=conjunction(1,1/2),conjunction(2,1/2)
			priority=10,ip,nw_src=10.0.0.1 actions=conjunction(3,1/2)
			priority=10,tcp,tp_dst=80 actions=conjunction(1,2/2),conjunction(2,2/2),conjunction(3,2/2)
			priority=20,conj_id=1 actions=output:11
			priority=20,conj_id=2 actions=output:12
			priority=20,conj_id=3 actions=output:13
			priority=0 actions=drop`,
			map[string][]uint32{
				"tcp,nw_src=10.0.0.1,tp_dst=80": {11, 12, 13},
				"tcp,nw_src=10.0.0.2,tp_dst=80": {11, 12},
			}},
		{"a conjunction without its conj_id flow admits nothing", `
			priority=10,ip,nw_src=10.0.0.1 actions=conjunction(1,1/2)
			priority=10,tcp,tp_dst=80 actions=conjunction(1,2/2)
			priority=0 actions=drop`,
			map[string][]uint32{"tcp,nw_src=10.0.0.1,tp_dst=80": nil}},
		{"clauses at two priorities do not come together", `
			priority=10,ip,nw_src=10.0.0.1 actions=conjunction(1,1/2)
			priority=9,tcp,tp_dst=80 actions=conjunction(1,2/2)
			priority=20,conj_id=1 actions=output:11
			priority=0 actions=drop`,
			map[string][]uint32{"tcp,nw_src=10.0.0.1,tp_dst=80": nil}},
		{"an incomplete conjunction leaves the one at a lower priority", `
			priority=10,ip,nw_src=10.0.0.1 actions=conjunction(1,1/2)
			priority=10,tcp,tp_dst=80 actions=conjunction(1,2/2)
			priority=9,ip,nw_src=10.0.0.1 actions=conjunction(2,1/2)
			priority=9,tcp,tp_dst=81 actions=conjunction(2,2/2)
			priority=20,conj_id=1 actions=output:11
			priority=20,conj_id=2 actions=output:12
			priority=0 actions=drop`,
			map[string][]uint32{
				"tcp,nw_src=10.0.0.1,tp_dst=80": {11},
				"tcp,nw_src=10.0.0.1,tp_dst=81": {12},
				"tcp,nw_src=10.0.0.1,tp_dst=82": nil,
			}},
		{"three clauses are an intersection", `
			priority=10,reg8=7 actions=conjunction(1,1/3)
			priority=10,reg9=7 actions=conjunction(1,1/3)
			priority=10,ip,nw_src=10.0.0.0/30 actions=conjunction(1,2/3)
			priority=10,tcp,tp_dst=80 actions=conjunction(1,3/3)
			priority=20,conj_id=1 actions=output:11
			priority=0 actions=drop`,
			map[string][]uint32{
				"tcp,reg9=7,nw_src=10.0.0.1,tp_dst=80": {11},
				"tcp,reg8=7,nw_src=10.0.0.9,tp_dst=80": nil,
				"tcp,reg8=8,nw_src=10.0.0.1,tp_dst=80": nil,
				"tcp,reg8=7,nw_src=10.0.0.1,tp_dst=81": nil,
			}},
		{"a flow above the clauses comes first", `
			priority=11,ip,nw_src=10.0.0.1 actions=output:12
			priority=10,ip,nw_src=10.0.0.0/24 actions=conjunction(1,1/2)
			priority=10,tcp,tp_dst=80 actions=conjunction(1,2/2)
			priority=20,conj_id=1 actions=output:11
			priority=0 actions=drop`,
			map[string][]uint32{
				"tcp,nw_src=10.0.0.1,tp_dst=80": {12},
				"tcp,nw_src=10.0.0.2,tp_dst=80": {11},
			}},
	} {
		var flows []of.Flow
		for line := range strings.Lines(fact.flows) {
			if line = strings.TrimSpace(line); line != "" {
				f, err := of.ParseFlow("cookie=0x5247000000000000," + line)
				if err != nil {
					t.Fatal(err)
				}
				flows = append(flows, f)
			}
		}
		b.install(t, flows)
		sim := ofsim.New(flows)
		for text, may := range fact.packets {
			m, err := of.ParseMatch(text)
			if err != nil {
				t.Fatal(err)
			}
			packet, err := ofsim.NewPacket(append(m.Terms(), of.InPort.Is(firstPort))...)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range []station{b, simStation{sim}} {
				p := s.carry(t, packet, nil)
				right := may == nil && len(p.exits) == 0 || len(p.exits) == 1 && slices.Contains(may, p.exits[0].port)
				if !right {
					t.Errorf("%s: %s leaves by %v, want one of %v\n%v", fact.name, text, p.exits, may, p.story)
				}
			}
		}
	}
}

// TestSameMatchReplaces: a switch has one flow for one match at one priority, so
// that clauses of two conjunctions with the same match must be one flow.
func TestSameMatchReplaces(t *testing.T) {
	t.Parallel()
	b := startBridges(t, "same")[0]
	m := of.MustMatch(of.EthType.Is(of.EthTypeIPv4))
	var mods []wire.FlowMod
	for id := range uint32(3) {
		mods = append(mods, wire.AddFlow(of.Flow{Priority: 10, Match: m, Actions: of.MustActions(of.Conjunction{ID: id + 1, Clause: 1, Of: 2})}))
	}
	if err := b.conn.Bundle(t.Context(), mods); err != nil {
		t.Fatal(err)
	}
	stats, err := b.conn.Dump(t.Context(), 0, 0)
	if err != nil || len(stats) != 1 || stats[0].Flow != mods[2].Flow {
		t.Errorf("the switch has %v, %v; want the last flow alone", stats, err)
	}
}
