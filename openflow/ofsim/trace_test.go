package ofsim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/internal/ovstest"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/unixctl"
)

// tracedPass is what ofproto/trace says of one pass.
type tracedPass struct {
	cookies []uint64 // of the flows met
	outputs []uint32
	final   map[string]string // "Final flow", empty if unchanged
	failed  bool
}

var (
	traceStep   = regexp.MustCompile(`^\s*\d+\. .*?priority \d+(?:, cookie (0x[0-9a-f]+))?$`)
	traceOutput = regexp.MustCompile(`\bp(\d+)\b`)
)

func parseTrace(text string) []tracedPass {
	var passes []tracedPass
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "Flow: ") {
			passes = append(passes, tracedPass{})
		}
		if len(passes) == 0 {
			continue
		}
		p := &passes[len(passes)-1]
		if m := traceStep.FindStringSubmatch(line); m != nil {
			cookie, _ := strconv.ParseUint(m[1], 0, 64)
			p.cookies = append(p.cookies, cookie)
		}
		if s, ok := strings.CutPrefix(line, "Datapath actions: "); ok {
			for _, m := range traceOutput.FindAllStringSubmatch(s, -1) {
				port, _ := strconv.ParseUint(m[1], 10, 32)
				p.outputs = append(p.outputs, uint32(port))
			}
		}
		if s, ok := strings.CutPrefix(line, "Final flow: "); ok && s != "unchanged" {
			p.final = make(map[string]string)
			for _, part := range strings.Split(s, ",") {
				k, v, _ := strings.Cut(part, "=")
				p.final[k] = v
			}
		}
		if strings.HasPrefix(line, "Translation failed") {
			p.failed = true
		}
	}
	return passes
}

// traceCase is a packet, a flow set and the conntrack states it meets.
type traceCase struct {
	flows  []openflow.Flow
	packet Packet
	states []uint32
}

func (c traceCase) trace(ctl *unixctl.Client) (string, error) {
	o := unixctl.TraceOptions{Names: true}
	for _, s := range c.states {
		o.CTNext = append(o.CTNext, strings.ReplaceAll(ctStateText(uint64(s)), "|", ","))
	}
	return ctl.Trace(context.Background(), "br0", c.packet.String(), o)
}

// disagreement runs the Sim and says where it differs from the trace; "" if it
// does not. Where several conjunctions are complete, the Sim goes the way of the
// switch if one of them leads there.
func (c traceCase) disagreement(sim *Sim, trace string) (string, Result) {
	passes := parseTrace(trace)
	states := c.states
	w := &walk{sim: sim, opts: Options{
		Conntrack: func(_ uint16, p Packet) (uint32, uint32, [16]byte) {
			state := uint32(openflow.CTTrk | openflow.CTNew) // as the trace has it when told no more
			if len(states) > 0 {
				state, states = states[0], states[1:]
			}
			return state, uint32(p.Uint(openflow.CTMark)), p.Get(openflow.CTLabel)
		},
	}, result: Result{Packet: c.packet}}
	w.follow = func(r *flowRule) bool {
		met := len(w.cookies(w.number))
		return w.number < len(passes) && met < len(passes[w.number].cookies) && passes[w.number].cookies[met] == r.flow.Cookie
	}
	err := w.run()
	failed := slices.ContainsFunc(passes, func(p tracedPass) bool { return p.failed })
	if failed != errors.Is(err, ErrTooDeep) || err != nil && !failed {
		return fmt.Sprintf("error %v, the switch failed: %v", err, failed), w.result
	}
	if failed {
		return "", w.result
	}
	if len(w.finals) != len(passes) {
		return fmt.Sprintf("%d passes, the switch makes %d", len(w.finals), len(passes)), w.result
	}
	var traced []uint32
	for i, p := range passes {
		traced = append(traced, p.outputs...)
		if cookies := w.cookies(i); !slices.Equal(cookies, p.cookies) {
			return fmt.Sprintf("pass %d meets cookies %x, in the switch %x", i, cookies, p.cookies), w.result
		}
		if p.final != nil {
			if diff := compareFinal(p.final, w.finals[i]); diff != "" {
				return fmt.Sprintf("pass %d ends with %s", i, diff), w.result
			}
		}
	}
	var outputs []uint32
	for _, o := range w.result.Outputs {
		outputs = append(outputs, o.Port)
	}
	if !slices.Equal(outputs, traced) {
		return fmt.Sprintf("outputs %v, in the switch %v", outputs, traced), w.result
	}
	return "", w.result
}

// cookies are those of the flows that the packet met in one pass.
func (w *walk) cookies(pass int) []uint64 {
	var cookies []uint64
	for _, s := range w.result.Steps {
		if s.Pass == pass && s.Flow != nil {
			cookies = append(cookies, s.Flow.Cookie)
		}
	}
	return cookies
}

// compareFinal compares the fields that actions of the generator write.
func compareFinal(final map[string]string, p Packet) string {
	for _, f := range []openflow.Field{openflow.Reg0, openflow.Reg1, openflow.Reg2, openflow.Metadata, openflow.CTMark, openflow.CTZone, openflow.CTLabel} {
		want, _ := strconv.ParseUint(final[f.Name()], 0, 64)
		if got := p.Uint(f); got != want {
			return fmt.Sprintf("%s=%#x, in the switch %q", f, got, final[f.Name()])
		}
	}
	vlan := uint64(0)
	if v, ok := final["dl_vlan"]; ok {
		n, _ := strconv.ParseUint(v, 0, 16)
		vlan = n | openflow.VlanPresent
	}
	if got := p.Uint(openflow.VlanVID); got != vlan && final["dl_vlan1"] == "" {
		return fmt.Sprintf("vlan_vid=%#x, in the switch %#x", got, vlan)
	}
	mac := p.Get(openflow.EthDst)
	if got := fmt.Sprintf("%x", mac[10:]); got != strings.ReplaceAll(final["dl_dst"], ":", "") {
		return fmt.Sprintf("dl_dst=%s, in the switch %s", got, final["dl_dst"])
	}
	return ""
}

// traceSwitch is a switch with the ports of a world.
type traceSwitch struct {
	*ovstest.OVS
	ctl *unixctl.Client
}

func startTraceSwitch(t *testing.T) traceSwitch {
	t.Helper()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br0")
	for port := range uint32(worldPorts) {
		v.AddPort("br0", fmt.Sprintf("p%d", port+1), port+1, "")
	}
	ctl := unixctl.Open(v.RunDir)
	t.Cleanup(func() { ctl.Close() })
	return traceSwitch{v, ctl}
}

func (v traceSwitch) install(t *testing.T, flows []openflow.Flow) {
	t.Helper()
	var b strings.Builder
	for _, f := range flows {
		fmt.Fprintln(&b, f)
	}
	path := filepath.Join(t.TempDir(), "flows")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	v.Ofctl("--bundle", "replace-flows", "br0", path)
}

func (v traceSwitch) disagreement(t *testing.T, sim *Sim, c traceCase) (string, Result, string) {
	t.Helper()
	trace, err := c.trace(v.ctl)
	if err != nil {
		t.Fatalf("%s: %v", c.packet, err)
	}
	diff, result := c.disagreement(sim, trace)
	return diff, result, trace
}

// minimise takes away flows and recirculation states while Sim and switch still
// disagree.
func (v traceSwitch) minimise(t *testing.T, c traceCase) traceCase {
	t.Helper()
	for again := true; again; {
		again = false
		for i := len(c.flows) - 1; i >= 0; i-- {
			if c.flows[i].Priority == 0 {
				continue // see world.fill
			}
			less := c
			less.flows = slices.Delete(slices.Clone(c.flows), i, i+1)
			v.install(t, less.flows)
			if diff, _, _ := v.disagreement(t, New(less.flows), less); diff != "" {
				c, again = less, true
			}
		}
	}
	v.install(t, c.flows)
	return c
}

// TestAgreesWithTheSwitch sends random packets through random flow sets, in
// Sim and by ofproto/trace of a real ovs-vswitchd: they meet the same flows, in
// the same order, leave by the same ports and end with the same registers.
func TestAgreesWithTheSwitch(t *testing.T) {
	t.Parallel()
	v := startTraceSwitch(t)
	const worlds, packets = 100, 80
	var met, conjunctions, choices, recirculated, outputs int
	for seed := range uint64(worlds) {
		w := newWorld(seed)
		v.install(t, w.flows)
		sim := New(w.flows)
		for range packets {
			c := traceCase{w.flows, w.packet(), w.states()}
			diff, result, _ := v.disagreement(t, sim, c)
			if diff != "" {
				c = v.minimise(t, c)
				diff, result, trace := v.disagreement(t, New(c.flows), c)
				t.Fatalf("seed %d: %s\n%v\nthe switch:\n%s\nflows: %v", seed, diff, result, trace, c.flows)
			}
			outputs += len(result.Outputs)
			met += len(result.Flows())
			for _, s := range result.Steps {
				if s.ConjID != 0 {
					conjunctions++
				}
				if len(s.Complete) > 1 {
					choices++
				}
			}
			recirculated += min(1, result.Steps[len(result.Steps)-1].Pass)
		}
	}
	t.Logf("%d packets: %d flows met, %d by conjunctions (%d with a choice), %d outputs, %d packets recirculated",
		worlds*packets, met, conjunctions, choices, outputs, recirculated)
	if conjunctions < 500 || choices < 50 || recirculated < 500 {
		t.Error("the random flow sets are too tame to prove anything")
	}
}
