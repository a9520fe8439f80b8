package oftrace_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/oftrace"
)

// strange are flows of nobody's pipeline, for what ours never makes the switch
// say: loops, groups, clones, the slow path, flows without cookies.
const strange = `
table=0,priority=10,in_port=1,tcp,tp_dst=1,actions=resubmit(,1)
table=1,actions=resubmit(,1)
table=0,priority=10,in_port=1,tcp,tp_dst=2,actions=clone(set_field:1->reg0,output:2),output:2
table=0,priority=10,in_port=1,tcp,tp_dst=3,actions=controller(max_len=64),output:2
table=0,priority=10,in_port=1,tcp,tp_dst=4,actions=NORMAL
table=0,priority=10,in_port=1,tcp,tp_dst=5,actions=output:77,dec_ttl,output:2
table=0,priority=10,in_port=1,tcp,tp_dst=6,actions=IN_PORT
table=0,priority=10,in_port=1,tcp,tp_dst=7,actions=ct(commit,nat(src=10.9.9.9),table=2)
table=2,actions=output:2
table=0,priority=10,in_port=1,tcp,tp_dst=8,actions=output:1,resubmit(,3),output:2
table=3,cookie=0x77,actions=resubmit(,2),resubmit(,4)
table=0,priority=10,in_port=1,tcp,tp_dst=9,actions=conjunction(1,1/2)
`

// makeCorpus replaces testdata: the traces of random packets that show
// something which those before did not, and those of strange flows.
func makeCorpus(t *testing.T) {
	t.Helper()
	old, _ := filepath.Glob("testdata/*.*")
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	kept := 0
	for seed := range uint64(4) {
		h := newHost(t, 1001+seed)
		for range 1500 {
			_, text := h.random()
			if fresh := newFeatures(text, seen); fresh {
				keep(t, fmt.Sprintf("pipeline-%02d", kept), text)
				kept++
			}
		}
	}
	h := newHost(t, 1001)
	h.ovs.AddBridge("br-odd")
	h.ovs.AddPort("br-odd", "odd1", 1, "")
	h.ovs.AddPort("br-odd", "odd2", 2, "")
	h.addFlows("br-odd", strange)
	for port := 1; port <= 10; port++ {
		flow := fmt.Sprintf("in_port=1,tcp,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=1,tp_src=1000,tp_dst=%d", port)
		keep(t, fmt.Sprintf("strange-%02d", port), h.trace("br-odd", flow, nil, port%2 == 0))
	}
}

func keep(t *testing.T, name, text string) {
	t.Helper()
	ids := map[string]string{}
	text = recircID.ReplaceAllStringFunc(text, func(s string) string {
		i := strings.Index(s, "0x")
		if ids[s[i:]] == "" {
			ids[s[i:]] = fmt.Sprintf("%#x", len(ids)+1)
		}
		return s[:i] + ids[s[i:]]
	})
	if err := os.WriteFile(filepath.Join("testdata", name+".txt"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

var digits = regexp.MustCompile(`[0-9a-f:.]*[0-9][0-9a-fx:.]*`)

// newFeatures notes what a trace shows and reports whether some of it is new.
func newFeatures(text string, seen map[string]bool) bool {
	fresh := false
	note := func(format string, args ...any) {
		if f := fmt.Sprintf(format, args...); !seen[f] {
			seen[f], fresh = true, true
		}
	}
	for _, p := range oftrace.Parse(text).Passes {
		note("state %s %t", p.CTState, p.CTDefault)
		for _, s := range p.Steps {
			c, _ := ofrules.ParseCookie(s.Cookie)
			note("table %d kind %v miss %q drop %t", s.Table, c.Kind, s.Miss, len(s.Actions) == 1 && s.Actions[0].Text == "drop")
			for _, a := range s.Actions {
				note("action %s", digits.ReplaceAllString(a.Text, "N"))
				for _, n := range a.Notes {
					note("note %s", digits.ReplaceAllString(n.Text, "N"))
				}
			}
		}
	}
	return fresh
}
