package openflow

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed testdata/flows.txt
var flowsText string

// sampleFlows are flows in text, one a line, with every field and action of the
// package. The tests of package wire use them too.
var sampleFlows = strings.Split(strings.TrimSpace(flowsText), "\n")

// ofctlParse gives what ovs-ofctl makes of flows: match and actions, as text.
func ofctlParse(t *testing.T, flows []string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "flows")
	if err := os.WriteFile(file, []byte(strings.Join(flows, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ovs-ofctl", "-O", "OpenFlow15", "parse-flows", file)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ovs-ofctl parse-flows: %v: %s", err, stderr.String())
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		if _, rule, ok := strings.Cut(strings.TrimSpace(line), ": ADD"); ok {
			lines = append(lines, strings.TrimSpace(rule))
		}
	}
	if len(lines) != len(flows) {
		t.Fatalf("%d flows of ovs-ofctl for %d", len(lines), len(flows))
	}
	return lines
}

// ofctlText is a flow as ovs-ofctl parse-flows prints flow mods.
func ofctlText(f Flow) string {
	var parts []string
	if f.Table != 0 {
		parts = append(parts, fmt.Sprintf("table:%d", f.Table))
	}
	rule := f.Match.String()
	if f.Priority != DefaultPriority {
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

func TestTextAgreesWithOfctl(t *testing.T) {
	theirs := ofctlParse(t, sampleFlows)
	for i, text := range sampleFlows {
		f, err := ParseFlow(text)
		if err != nil {
			t.Errorf("ParseFlow(%q): %v", text, err)
			continue
		}
		if got := ofctlText(f); got != theirs[i] {
			t.Errorf("%s\nours   %s\ntheirs %s", text, got, theirs[i])
		}
		again, err := ParseFlow(f.String())
		if err != nil || again != f {
			t.Errorf("ParseFlow(%q) = %v, %v", f, again, err)
		}
	}
}

func TestParseFlowRefuses(t *testing.T) {
	for _, tc := range []struct{ flow, want string }{
		{"ip", "missing actions="},
		{"ip,foo=1 actions=drop", `unknown field "foo"`},
		{"iq actions=drop", `unknown keyword "iq"`},
		{"ip actions=outptu:1", "outptu:1: unknown action"},
		{"ip,tp_dst=80 actions=drop", `"tp_dst" needs a protocol`},
		{"tcp,tp_dst=65536 actions=drop", "tcp_dst=65536"},
		{"tcp,tp_dst=http actions=drop", `bad number "http"`},
		{"nw_src=10.0.0.1 actions=drop", "nw_src requires dl_type=0x0800"},
		{"ip,nw_src=10.0.0.1/33 actions=drop", `bad prefix length "33"`},
		{"ip,nw_src=::1 actions=drop", "another address family"},
		{"dl_src=00:11:22:33:44 actions=drop", "bad Ethernet address"},
		{"ct_state=+bad actions=drop", `unknown flag "bad"`},
		{"ct_state=+new-new actions=drop", "given twice"},
		{"nw_frag=maybe,ip actions=drop", `unknown word "maybe"`},
		{"table=256 actions=drop", "table=256"},
		{"priority=65536 actions=drop", "priority=65536"},
		{"priority=1,priority=2 actions=drop", "given twice"},
		{"ip,ip actions=drop", "dl_type is given twice"},
		{"idle_timeout=5 actions=drop", `unknown field "idle_timeout"`},
		{"reg16=1 actions=drop", `unknown field "reg16"`},
		{"reg0=010 actions=drop", "leading zero"},
		{"actions=ct(commit", "missing closing parenthesis"},
		{"actions=ct(comit)", "comit: unknown"},
		{"actions=ct(force)", "force needs commit"},
		{"actions=ct(exec(set_field:1->ct_mark))", "exec needs commit"},
		{"actions=ct(commit,exec(output:1))", "output cannot stand in ct"},
		{"actions=set_field:1->ct_mark", "ct_mark can be written only in ct"},
		{"actions=set_field:1->ct_state", "ct_state cannot be written"},
		{"actions=set_field:5->vlan_vid", "vlan_vid needs 0x1000"},
		{"actions=set_field:0x100000000->reg0", "does not fit"},
		{"actions=load:4->reg0[0..1]", "does not fit"},
		{"actions=load:4->reg0[30..32]", "no such bits"},
		{"actions=move:reg0[0..3]->reg1[0..4]", "4 bits of reg0 do not go into 5"},
		{"actions=conjunction(1,3/2)", "clause 3/2"},
		{"actions=conjunction(1,1/2),output:1", "conjunction stands beside output"},
		{"actions=goto_table:1,output:1", "output follows the last"},
		{"actions=goto_table:1,goto_table:2", "goto_table comes too late or twice"},
		{"actions=drop,output:1", "drop beside other actions"},
		{"actions=output:65280", "no port"},
		{"actions=resubmit(,)", "neither port nor table"},
		{"actions=note:0", "bad bytes"},
		{"actions=push_vlan:0x88a8", "only 0x8100"},
	} {
		f, err := ParseFlow(tc.flow)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("ParseFlow(%q) = %v, %v; want an error with %q", tc.flow, f, err, tc.want)
		}
	}
}

func FuzzParseFlow(f *testing.F) {
	for _, text := range sampleFlows {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		flow, err := ParseFlow(text)
		if err != nil {
			return
		}
		again, err := ParseFlow(flow.String())
		if err != nil || again != flow {
			t.Fatalf("%q: ParseFlow(%q) = %v, %v", text, flow, again, err)
		}
	})
}
