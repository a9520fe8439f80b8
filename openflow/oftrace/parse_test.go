package oftrace_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/oftrace"
)

var update = flag.Bool("update", false, "make testdata anew from the Open vSwitch installed here")

// The corpus is what Open vSwitch 3.1 printed, with what is to be read from it.
func TestCorpus(t *testing.T) {
	if *update {
		makeCorpus(t)
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	met := map[uint8]bool{}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			trace := oftrace.Parse(string(text))
			for _, pass := range trace.Passes {
				for _, step := range pass.Steps {
					met[step.Table] = true
				}
			}
			got, err := json.MarshalIndent(trace, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			golden := strings.TrimSuffix(file, ".txt") + ".json"
			if *update {
				if err := os.WriteFile(golden, append(got, '\n'), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimSpace(string(want)), string(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			complete(t, string(text), trace)
		})
	}
	for table, name := range ofrules.TableNames() {
		if !met[table] {
			t.Errorf("no trace of the corpus comes to table %d, %s", table, name)
		}
	}
}

// What the switch says of random packets on their way through the pipeline is
// read to the last line.
func TestEverythingTheSwitchSaysIsRead(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		h := newHost(t, 1001+seed)
		for range 500 {
			flow, text := h.random()
			if complete(t, text, oftrace.Parse(text)); t.Failed() {
				t.Fatalf("seed %d, %s:\n%s", seed, flow, text)
			}
		}
	}
}

// complete checks that every line of the text is in the trace, once.
func complete(t *testing.T, text string, trace *oftrace.Trace) {
	t.Helper()
	for _, l := range trace.Unknown {
		t.Errorf("line %d is not understood: %q", l.Number, l.Text)
	}
	want, got := map[string]int{}, map[string]int{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.Trim(line, "=-") != "" && line != "thaw" && !strings.HasPrefix(line, "recirc(") && !strings.HasPrefix(line, "This flow is handled") {
			want[line]++
		}
	}
	note := func(n oftrace.Note) {
		switch n.Level {
		case oftrace.Detail:
			got["-> "+n.Text]++
		case oftrace.Warning:
			got[">> "+n.Text]++
		case oftrace.Error:
			got[">>>> "+n.Text+" <<<<"]++
		}
	}
	for _, p := range trace.Passes {
		got["Flow: "+p.Flow]++
		got["Final flow: "+p.Final]++
		got["Megaflow: "+p.Megaflow]++
		got["Datapath actions: "+p.Datapath]++
		for _, b := range p.Bridges {
			got[fmt.Sprintf("bridge(%q)", b)]++
		}
		for _, r := range append(p.Resumed, p.NAT...) {
			got[r]++
		}
		if p.Failed != "" {
			got["Translation failed ("+p.Failed+"), packet is dropped."]++
		}
		for _, why := range p.SlowPath {
			got["- "+why+"."]++
		}
		for _, n := range p.Notes {
			note(n)
		}
		for _, s := range p.Steps {
			got[stepText(s)]++
			for _, a := range s.Actions {
				if a.Text != "" {
					got[a.Text]++
				}
				for _, n := range a.Notes {
					note(n)
				}
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines of the text and of the trace (-want +got):\n%s", diff)
	}
}

func stepText(s oftrace.Step) string {
	if s.Miss != "" {
		return fmt.Sprintf("%d. %s", s.Table, s.Miss)
	}
	match, cookie := "", ""
	if s.Match != "" {
		match = s.Match + ", "
	}
	if s.Cookie != 0 {
		cookie = fmt.Sprintf(", cookie %#x", s.Cookie)
	}
	return fmt.Sprintf("%d. %spriority %d%s", s.Table, match, s.Priority, cookie)
}

func TestUnknownLinesAreKept(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile("testdata/pipeline-00.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(good), "\n"), "\n")
	before := oftrace.Parse(string(good))
	for i := range lines {
		const odd = "~ something new"
		text := strings.Join(lines[:i], "\n") + "\n" + odd + "\n" + strings.Join(lines[i:], "\n")
		got := oftrace.Parse(text)
		if len(got.Unknown) == 0 || got.Unknown[0].Text != odd {
			t.Errorf("a strange line before line %d is not flagged: %+v", i+1, got.Unknown)
		}
		if len(got.Passes) != len(before.Passes) {
			t.Errorf("a strange line before line %d makes %d passes of %d", i+1, len(got.Passes), len(before.Passes))
		}
	}
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	for actions, want := range map[string][]string{
		"drop":                     nil,
		"ct(commit,zone=5),tap1,2": {"tap1", "2"},
		"push_vlan(vid=104,pcp=0),uplink,pop_vlan,ct_clear,\"odd name\"": {"uplink", "odd name"},
		"clone(ct(commit,zone=1),tap2),userspace(pid=0,action,x),tap3":   {"tap2", "tap3"},
		"": nil,
	} {
		p := oftrace.Pass{Datapath: actions}
		if diff := cmp.Diff(want, p.Outputs()); diff != "" {
			t.Errorf("%q (-want +got):\n%s", actions, diff)
		}
	}
	failed := oftrace.Pass{Datapath: "tap1", Failed: "Recursion too deep"}
	if got := failed.Outputs(); got != nil {
		t.Errorf("a packet that is dropped is put out by %v", got)
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		trace := oftrace.Parse(text)
		all := strings.Split(text, "\n")
		lines := len(all)
		for _, l := range trace.Unknown {
			if l.Number < 1 || l.Number > lines || all[l.Number-1] != l.Text {
				t.Errorf("line %d of %d is said to be %q", l.Number, lines, l.Text)
			}
		}
		trace.Outputs()
		held := len(trace.Unknown)
		for _, p := range trace.Passes {
			held += 1 + len(p.Steps) + len(p.Notes) + len(p.SlowPath)
			for _, s := range p.Steps {
				held += len(s.Actions)
			}
		}
		if held > 2*lines {
			t.Errorf("%d things in %d lines", held, lines)
		}
	})
}

// recircID is what differs from one run of the switch to the next.
var recircID = regexp.MustCompile(`recirc(_id=|\()0x[0-9a-f]+`)
