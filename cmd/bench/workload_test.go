package main

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"

	"github.com/ringfence/ringfence/internal/stack"
)

func TestWorkload(t *testing.T) {
	for name, s := range sizes {
		w := makeWorkload(s)
		if !reflect.DeepEqual(w, makeWorkload(s)) {
			t.Errorf("%s: two workloads of one size differ", name)
		}
		rules := 0
		for g, list := range w.groups {
			for _, text := range list {
				if _, err := stack.ParseRule(text); err != nil {
					t.Errorf("%s: group %d: %v", name, g, err)
				}
			}
			rules += len(list) - 1 // all egress
		}
		if rules != s.Rules || len(w.members) != s.Members || len(w.ports) != s.Ports {
			t.Errorf("%s: %d rules, %d members, %d ports", name, rules, len(w.members), len(w.ports))
		}
		used := map[netip.Addr]string{}
		all := append(append(append(w.members, w.ports...), bigGroup(1000)...), bigGroup(10000)...)
		for i := range 100 {
			all = append(all, spare(i))
		}
		for _, e := range all {
			if other, ok := used[e.address]; ok {
				t.Errorf("%s: %s and %s have the address %s", name, other, e.id, e.address)
			}
			used[e.address] = e.id
			if a := e.address.As4(); a[0] != 10 && a[0] != 11 {
				t.Errorf("%s: %s is outside the network's prefixes", name, e.address)
			}
		}
	}
}

func TestMedian(t *testing.T) {
	var out bytes.Buffer
	f := figures{&out, "S"}
	for _, c := range []struct {
		values []float64
		want   float64
	}{{[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}, {[]float64{7}, 7}} {
		out.Reset()
		if err := f.median("x", c.values, "s", extra{"remote": 5}); err != nil {
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
	if err := f.median("x", nil, "s", nil); err != nil || out.Len() > 0 {
		t.Errorf("a median of nothing: %q, %v", out.String(), err)
	}
}
