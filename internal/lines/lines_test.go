package lines

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestMedian(t *testing.T) {
	var out bytes.Buffer
	w := New(&out, Members{"bench": "ringfence"})
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
	if err := w.Median("x", nil, "s", nil); err != nil || out.Len() > 0 {
		t.Errorf("a median of nothing: %q, %v", out.String(), err)
	}
}
