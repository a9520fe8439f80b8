package controller

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
)

// A copy stays what it was, and both ways of asking agree.
func TestZoned(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	z, want := &zoneMap{}, map[uint16]string{}
	type kept struct {
		zones *zoneMap
		want  map[uint16]string
	}
	var copies []kept
	for step := range 2000 {
		zone, nic := uint16(1+rng.IntN(200)), fmt.Sprintf("nic%d", rng.IntN(200))
		maps.DeleteFunc(want, func(z uint16, n string) bool { return n == nic })
		z.drop(nic)
		if _, taken := want[zone]; !taken && rng.IntN(3) > 0 {
			z.set(zone, nic)
			want[zone] = nic
		}
		if step%100 == 0 {
			copies = append(copies, kept{z.copy(), maps.Clone(want)})
		}
	}
	for i, k := range append(copies, kept{z, want}) {
		if got := maps.Collect(k.zones.All()); !maps.Equal(got, k.want) {
			t.Errorf("copy %d: %v, want %v", i, got, k.want)
		}
		for zone, nic := range k.want {
			if k.zones.NIC(zone) != nic || k.zones.Zone(nic) != zone {
				t.Errorf("copy %d: NIC %q in zone %d, which is %q's; want %q", i, k.zones.NIC(zone), k.zones.Zone(nic), nic, nic)
			}
		}
	}
}
