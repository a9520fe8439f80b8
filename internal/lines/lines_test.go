package lines

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

func TestMedian(t *testing.T) {
	var out bytes.Buffer
	w, err := Begin(t.Context(), &out, "go run ./cmd/bench", Members{"bench": "ringfence"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}, {[]float64{7}, 7}} {
		out.Reset()
		if err := w.Median("x", c.values, "s", Members{"remote": 5}); err != nil {
			t.Fatal(err)
		}
		var line map[string]any
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line["value"] != c.want || line["n"] != float64(len(c.values)) || line["remote"] != 5.0 || line["bench"] != "ringfence" {
			t.Errorf("%v: %s", c.values, out.String())
		}
	}
	out.Reset()
	if err := w.With(Members{"engine": "ovn"}).Figure("x", 1, "s", nil); err != nil || !strings.Contains(out.String(), `"bench":"ringfence","engine":"ovn"`) {
		t.Errorf("with an engine: %q, %v", out.String(), err)
	}
	out.Reset()
	if err := w.Median("x", nil, "s", nil); err != nil || out.Len() > 0 {
		t.Errorf("a median of nothing: %q, %v", out.String(), err)
	}
}

// A file of lines says what made it, and nothing of whose machine that was.
func TestRunIsTold(t *testing.T) {
	var out bytes.Buffer
	if _, err := Begin(t.Context(), &out, "go run ./cmd/bench -size M", Members{"size": "M"}); err != nil {
		t.Fatal(err)
	}
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	for member, pattern := range map[string]string{
		"bench": `^run$`, "command": `^go run ./cmd/bench -size M$`, "commit": `^([0-9a-f]{7}\+?|unknown)$`, "date": `^\d{4}-\d\d-\d\d$`,
		"machine": `^\d+ × .+, Linux \d+\.\d+(\.\d+)?(, Open vSwitch \d+\.\d+\.\d+)?(, OVN \d+\.\d+\.\d+)?$`,
	} {
		if text, _ := line[member].(string); !regexp.MustCompile(pattern).MatchString(text) {
			t.Errorf("%s is %v, want %s", member, line[member], pattern)
		}
	}
	if _, ok := line["load"].(float64); !ok || line["size"] != nil {
		t.Errorf("the run's line is %s", out.String())
	}
}
