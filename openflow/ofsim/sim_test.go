package ofsim

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/openflow"
)

func simOf(t *testing.T, text string) *Sim {
	t.Helper()
	var flows []openflow.Flow
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		f, err := openflow.ParseFlow(line)
		if err != nil {
			t.Fatal(err)
		}
		flows = append(flows, f)
	}
	return New(flows)
}

func tcpPacket(t *testing.T, src string, port uint64, more ...openflow.Term) Packet {
	t.Helper()
	p, err := NewPacket(append(more, openflow.InPort.Is(1), openflow.EthType.Is(openflow.EthTypeIPv4), openflow.IPProto.Is(openflow.ProtoTCP),
		openflow.IPv4Src.IsAddr(netip.MustParseAddr(src)), openflow.IPv4Dst.IsAddr(netip.MustParseAddr("10.0.0.9")), openflow.TCPDst.Is(port))...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func outputPorts(r Result) []uint32 {
	var ports []uint32
	for _, o := range r.Outputs {
		ports = append(ports, o.Port)
	}
	return ports
}

func TestConjunction(t *testing.T) {
	t.Parallel()
	sim := simOf(t, `
		priority=50,ip,nw_src=10.0.0.1 actions=conjunction(7,1/2)
		priority=50,ip,nw_src=10.0.1.0/24 actions=conjunction(7,1/2),conjunction(8,1/2)
		priority=50,tcp,tp_dst=80 actions=conjunction(7,2/2)
		priority=50,tcp,tp_dst=443 actions=conjunction(7,2/2),conjunction(8,2/2)
		priority=60,conj_id=7 actions=output:7
		priority=60,conj_id=8 actions=output:8
		priority=40,ip,nw_src=10.0.0.1 actions=output:4
		priority=50,tcp,nw_src=10.0.1.5,tp_dst=80 actions=output:5
		priority=0 actions=output:9
	`)
	for _, c := range []struct {
		src  string
		port uint64
		want uint32
		why  string
	}{
		{"10.0.0.1", 80, 7, "both clauses"},
		{"10.0.1.1", 80, 7, "a clause has several flows"},
		{"10.0.0.2", 80, 9, "one clause only"},
		{"10.0.0.1", 81, 4, "the lower flow with the same match takes over"},
		{"10.0.1.5", 80, 5, "a hard flow of the same priority comes first"},
		{"10.0.1.1", 443, 7, "two are complete: the lowest id by default"},
	} {
		r, err := sim.Run(tcpPacket(t, c.src, c.port), Options{})
		if err != nil || !slices.Equal(outputPorts(r), []uint32{c.want}) {
			t.Errorf("%s: want output %d, got error %v and\n%s", c.why, c.want, err, r)
		}
	}
	r, err := sim.Run(tcpPacket(t, "10.0.1.1", 443), Options{Choose: func(_ uint8, ids []uint32) uint32 { return slices.Max(ids) }})
	if err != nil || !slices.Equal(outputPorts(r), []uint32{8}) || !slices.Equal(r.Steps[0].Complete, []uint32{7, 8}) {
		t.Errorf("Choose does not decide: error %v\n%s", err, r)
	}
}

func TestConntrack(t *testing.T) {
	t.Parallel()
	sim := simOf(t, `
		table=0,ip actions=set_field:5->reg0,ct(table=1,zone=NXM_NX_REG0[0..15]),output:2
		table=1,ct_state=+est+trk actions=output:3
		table=1,ct_state=+new+trk,ip,reg0=5 actions=ct(commit,zone=5,exec(set_field:0x2a->ct_mark)),resubmit(,2)
		table=2,ct_state=-trk,ct_mark=0 actions=output:4
	`)
	p := tcpPacket(t, "10.0.0.1", 80)
	r, err := sim.Run(p, Options{})
	if err != nil || !slices.Equal(outputPorts(r), []uint32{2, 4}) {
		t.Fatalf("a new connection: error %v\n%s", err, r)
	}
	if len(r.Commits) != 1 || r.Commits[0].Zone != 5 || r.Commits[0].Mark != 42 {
		t.Errorf("commits are %+v, want zone 5, mark 42", r.Commits)
	}
	var zones []uint16
	r, err = sim.Run(p, Options{Conntrack: func(zone uint16, p Packet) (uint32, uint32, [16]byte) {
		zones = append(zones, zone)
		return openflow.CTTrk | openflow.CTEst, 42, [16]byte{}
	}})
	if err != nil || !slices.Equal(outputPorts(r), []uint32{2, 3}) || len(r.Commits) != 0 || !slices.Equal(zones, []uint16{5}) {
		t.Errorf("an established connection: zones %v, error %v\n%s", zones, err, r)
	}
	if mark := r.Outputs[1].Packet.Uint(openflow.CTMark); mark != 42 {
		t.Errorf("ct_mark is %d behind ct, want 42", mark)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	p := tcpPacket(t, "10.0.0.1", 80)
	for name, flows := range map[string]string{
		"depth": `table=0 actions=output:2,resubmit(,1)
			table=1 actions=resubmit(,0)`,
		"resubmits": `table=0 actions=output:2,` + strings.TrimSuffix(strings.Repeat("resubmit(,1),", 70), ",") + `
			table=1 actions=` + strings.TrimSuffix(strings.Repeat("resubmit(,2),", 70), ",") + `
			table=2 actions=drop`,
		"recirculations": `table=0,ip actions=output:2,ct(table=0)`,
	} {
		r, err := simOf(t, flows).Run(p, Options{})
		if !errors.Is(err, ErrTooDeep) {
			t.Errorf("%s: error is %v", name, err)
		}
		if name != "recirculations" && len(r.Outputs) != 0 {
			t.Errorf("%s: the packet left by %v, want it dropped", name, outputPorts(r))
		}
	}
	_, err := simOf(t, "actions=group:1").Run(p, Options{})
	if !errors.Is(err, ErrNotSimulated) {
		t.Errorf("group: error is %v, want ErrNotSimulated", err)
	}
}

func TestFragmentsHideTheirPorts(t *testing.T) {
	t.Parallel()
	sim := simOf(t, `
		priority=20,tcp,tp_dst=80 actions=output:2
		priority=10,tcp,tp_dst=0 actions=output:3
	`)
	for frag, want := range map[uint64]uint32{0: 2, openflow.FragAny: 3} {
		r, err := sim.Run(tcpPacket(t, "10.0.0.1", 80, openflow.IPFrag.Is(frag)), Options{})
		if err != nil || !slices.Equal(outputPorts(r), []uint32{want}) {
			t.Errorf("nw_frag %d: want output %d, got error %v\n%s", frag, want, err, r)
		}
	}
}

func TestReportsRivals(t *testing.T) {
	t.Parallel()
	sim := simOf(t, `
		priority=10,tcp,tp_dst=80 actions=output:2
		priority=10,ip,nw_src=10.0.0.1 actions=drop
		priority=5 actions=drop
	`)
	r, err := sim.Run(tcpPacket(t, "10.0.0.1", 80), Options{})
	if err != nil || len(r.Steps[0].Rivals) != 1 {
		t.Errorf("want one rival, got error %v\n%s", err, r)
	}
	r, err = sim.Run(tcpPacket(t, "10.0.0.2", 80), Options{})
	if err != nil || len(r.Steps[0].Rivals) != 0 {
		t.Errorf("want no rival, got error %v\n%s", err, r)
	}
}

func TestPacketWantsWholeFields(t *testing.T) {
	t.Parallel()
	for want, terms := range map[string][]openflow.Term{
		"field metadata of a packet has a mask": {openflow.Metadata.IsMasked(1, 1)},
		"field tp_dst requires":                 {openflow.TCPDst.Is(80)},
	} {
		if _, err := NewPacket(terms...); err == nil || !strings.Contains(err.Error(), strings.Split(want, " ")[0]) {
			t.Errorf("want error %q, got %v", want, err)
		}
	}
}

// TestIncremental: however flows came and went, the Sim is that of a Sim with
// the flows that are left.
func TestIncremental(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		w := newWorld(seed)
		rng := rand.New(rand.NewPCG(seed, 1))
		sim, have := New(nil), make(map[openflow.FlowKey]openflow.Flow)
		for range 400 {
			f := w.flows[rng.IntN(len(w.flows))]
			if rng.IntN(3) == 0 {
				_, had := have[f.Key()]
				if sim.Delete(f.Key()) != had {
					t.Fatalf("seed %d: Delete of %s says %v", seed, f, !had)
				}
				delete(have, f.Key())
				continue
			}
			f.Cookie = rng.Uint64N(5)
			sim.Add(f)
			have[f.Key()] = f
		}
		if sim.Len() != len(have) {
			t.Fatalf("seed %d: %d flows, want %d", seed, sim.Len(), len(have))
		}
		fresh := New(slices.Collect(maps.Values(have)))
		for range 50 {
			p := w.packet()
			got, err := sim.Run(p, Options{})
			want, wantErr := fresh.Run(p, Options{})
			if got.String() != want.String() || fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Fatalf("seed %d: after changes\n%s\nafresh\n%s", seed, got, want)
			}
		}
	}
}

// BenchmarkRun runs packets through a set in the shape that the compiler makes:
// many addresses with labels, conjunctions over label and port.
func BenchmarkRun(b *testing.B) {
	const addresses, rules = 20_000, 200
	var flows []openflow.Flow
	addr := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	for i := range addresses {
		flows = append(flows, openflow.Flow{Priority: 10, Match: openflow.MustMatch(openflow.EthType.Is(openflow.EthTypeIPv4), openflow.IPv4Src.IsAddr(addr(i))),
			Actions: openflow.MustActions(openflow.SetField{Field: openflow.Reg0, Value: uint64(i%rules + 1)}, openflow.Resubmit{Table: 1})})
	}
	for r := range uint64(rules) {
		id := uint32(r + 1)
		flows = append(flows,
			openflow.Flow{Table: 1, Priority: 10, Match: openflow.MustMatch(openflow.Reg0.Is(r + 1)), Actions: openflow.MustActions(openflow.Conjunction{ID: id, Clause: 1, Of: 2})},
			openflow.Flow{Table: 1, Priority: 10, Match: openflow.MustMatch(openflow.EthType.Is(openflow.EthTypeIPv4), openflow.IPProto.Is(openflow.ProtoTCP), openflow.TCPDst.Is(r+1)), Actions: openflow.MustActions(openflow.Conjunction{ID: id, Clause: 2, Of: 2})},
			openflow.Flow{Table: 1, Priority: 20, Match: openflow.MustMatch(openflow.ConjID.Is(r + 1)), Actions: openflow.MustActions(openflow.Output{Port: 2})})
	}
	sim := New(flows)
	packets := make([]Packet, 1000)
	for i := range packets {
		packets[i], _ = NewPacket(openflow.InPort.Is(1), openflow.EthType.Is(openflow.EthTypeIPv4), openflow.IPProto.Is(openflow.ProtoTCP),
			openflow.IPv4Src.IsAddr(addr(i)), openflow.IPv4Dst.IsAddr(addr(0)), openflow.TCPDst.Is(uint64(i%rules+1)))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r, err := sim.Run(packets[i%len(packets)], Options{})
		if err != nil || len(r.Outputs) != 1 {
			b.Fatalf("%v\n%s", err, r)
		}
	}
}
