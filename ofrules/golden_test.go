package ofrules

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest"
	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
)

var update = flag.Bool("update", false, "rewrite the flows in testdata")

const goldenMark = "\n----\n"

// TestGolden compiles the policies of testdata, in the language of policytest's
// semantics.txt, and compares the flows beneath them. Three more lines say what
// host it is and what is of interest:
//
//	plug NIC...        these NICs are on the host; otherwise all are
//	no uplink          there is no way to other hosts
//	show TABLE...      the flows of these tables, but for those that every host has
//	show pipeline      the flows that every host has
//
// Above the flows stands what the numbers in them are.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			input, want, _ := strings.Cut(string(content), goldenMark)
			got, err := golden(input)
			if err != nil {
				t.Fatal(err)
			}
			if *update {
				if err := os.WriteFile(file, []byte(strings.TrimRight(input, "\n")+goldenMark+got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("the flows are\n%s\n(go test -run TestGolden -update rewrites the file)", got)
			}
		})
	}
}

// goldenHost is what the lines say that are not policy.
type goldenHost struct {
	plugged []string
	uplink  uint32
	tables  []string
}

// golden compiles the policy and prints the flows asked for.
func golden(input string) (string, error) {
	h := goldenHost{uplink: 1}
	var policy []string
	for line := range strings.SplitSeq(input, "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) > 1 && words[0] == "plug":
			h.plugged = append(h.plugged, words[1:]...)
		case len(words) > 1 && words[0] == "show":
			h.tables = append(h.tables, words[1:]...)
		case slices.Equal(words, []string{"no", "uplink"}):
			h.uplink = 0
		default:
			policy = append(policy, line)
		}
	}
	scenarios, err := policytest.ParseScenarios(strings.Join(policy, "\n"))
	if err != nil {
		return "", err
	}
	s := secgroup.NewSnapshot()
	for i, step := range scenarios[0].Steps {
		s, _ = s.With(int64(i+1), step.Changes)
	}
	host := Host{Ports: map[string]Port{}, Uplink: h.uplink}
	for i, n := range s.NICs() {
		if len(h.plugged) == 0 || slices.Contains(h.plugged, n.ID) {
			host.Ports[n.ID] = Port{OFPort: uint32(10 + i), Zone: uint16(100 + i)}
		}
	}
	c := New()
	c.Reset(Share(s, host), host)
	if p := c.Problems(); len(p) > 0 {
		return "", fmt.Errorf("problems: %v", p)
	}
	return c.goldenText(h.tables)
}

// goldenText prints the flows of some tables in the order that packets meet
// them, each table's from the highest priority on.
func (c *Compiler) goldenText(tables []string) (string, error) {
	flows := c.Flows()
	slices.SortFunc(flows, func(a, b of.Flow) int {
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(b.Priority, a.Priority), a.Match.Compare(b.Match))
	})
	names := TableNames()
	for _, name := range tables {
		if name != "pipeline" && !slices.Contains(slices.Collect(maps.Values(names)), name) {
			return "", fmt.Errorf("there is no table %q", name)
		}
	}
	var text strings.Builder
	last := ""
	for _, f := range flows {
		name := names[f.Table]
		k, _ := ParseCookie(f.Cookie)
		if shown := slices.Contains(tables, name) && k.Kind != KindPipeline || slices.Contains(tables, "pipeline") && k.Kind == KindPipeline; !shown {
			continue
		}
		if name != last {
			fmt.Fprintf(&text, "\n# %s\n", name)
			last = name
		}
		fmt.Fprintln(&text, f)
	}
	return c.legend(text.String()) + text.String(), nil
}

var hexNumber = regexp.MustCompile(`0x[0-9a-f]{5,16}`)

// legend says what the numbers in a text stand for.
func (c *Compiler) legend(text string) string {
	var lines []string
	seen := map[uint32]bool{}
	for _, hex := range hexNumber.FindAllString(text, -1) {
		n, _ := strconv.ParseUint(hex, 0, 64)
		if id := uint32(n); id >= firstNumber && !seen[id] {
			seen[id] = true
			for i, what := range []string{"rule", "label", "profile", "domain", "segment", "nic"} {
				if name, ok := (*c.numbers.spaces()[i]).name(id); ok {
					lines = append(lines, fmt.Sprintf("# %#x is %s %s\n", id, what, strings.ReplaceAll(strings.TrimPrefix(name, "\x00"), "\x00", "+")))
				}
			}
		}
	}
	slices.SortFunc(lines, func(a, b string) int {
		return cmp.Or(cmp.Compare(a[strings.Index(a, " is "):], b[strings.Index(b, " is "):]), cmp.Compare(a, b))
	})
	return strings.Join(lines, "")
}
