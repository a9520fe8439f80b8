package ofrules_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/ofrules"
	of "github.com/ringfence/ringfence/openflow"
)

// TestPlugsThatCannotBe: NICs that a switch could not tell apart, or from the
// uplink, get no flows at all, and a reason; those beside them are not held up.
func TestPlugsThatCannotBe(t *testing.T) {
	t.Parallel()
	s := scenarioPolicy(t, "# plugs\nnic a blue-1 10.0.0.1\nnic b blue-1 10.0.0.2\nnic c blue-1 10.0.0.3\n")
	c := ofrules.Follow(s)
	nowhere := c.Update(ofrules.Host{Uplink: uplink}).Put
	for _, step := range []struct {
		what    string
		ports   map[string]ofrules.Port
		without []string // flows
	}{
		{"all well", map[string]ofrules.Port{"a": {10, 100}, "b": {11, 101}}, nil},
		{"one ofport", map[string]ofrules.Port{"a": {10, 100}, "b": {10, 101}, "c": {12, 102}}, []string{"a", "b"}},
		{"moved away", map[string]ofrules.Port{"a": {10, 100}, "b": {11, 101}, "c": {12, 102}}, nil},
		{"one zone", map[string]ofrules.Port{"a": {10, 100}, "b": {11, 100}, "c": {12, 102}}, []string{"a", "b"}},
		{"unplugged", map[string]ofrules.Port{"a": {10, 100}, "c": {12, 102}}, nil},
		{"the uplink", map[string]ofrules.Port{"a": {uplink, 100}, "c": {12, 102}}, []string{"a"}},
		{"no ofport", map[string]ofrules.Port{"a": {0, 100}, "c": {12, 102}}, []string{"a"}},
		{"a reserved ofport", map[string]ofrules.Port{"a": {of.PortLocal, 100}, "c": {12, 102}}, []string{"a"}},
		{"zone 0", map[string]ofrules.Port{"a": {10, 0}, "c": {12, 102}}, []string{"a"}},
		{"no policy", map[string]ofrules.Port{"a": {10, 100}, "x": {11, 101}}, []string{"x"}},
		{"no policy, in one ofport with another", map[string]ofrules.Port{"a": {10, 100}, "x": {10, 101}}, []string{"a", "x"}},
	} {
		c.Update(ofrules.Host{Ports: step.ports, Uplink: uplink})
		problems := c.Problems()
		if got := slices.Sorted(maps.Keys(problems)); !slices.Equal(got, step.without) {
			t.Errorf("%s: problems with %v, want %v", step.what, problems, step.without)
		}
		for id, p := range step.ports {
			has := slices.ContainsFunc(c.Flows(), func(f of.Flow) bool {
				v, _, in := f.Match.Uint64(of.InPort)
				k, _ := ofrules.ParseCookie(f.Cookie)
				nic, _ := c.NIC(k.ID)
				return in && uint32(v) == p.OFPort && k.Kind == ofrules.KindNIC && nic == id
			})
			if has == slices.Contains(step.without, id) {
				t.Errorf("%s: %s has flows: %v", step.what, id, has)
			}
		}
	}
	if d := c.Update(ofrules.Host{Uplink: uplink}); len(d.Put) > 0 || c.Len() != len(nowhere) {
		t.Errorf("with nothing plugged there are %d flows, at first %d", c.Len(), len(nowhere))
	}
}
