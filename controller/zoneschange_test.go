package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringfence/ringfence/ovsdb"
)

// Random NICs come, go and change places, told a few at a time, while the
// database and the switch fail now and then: no zone is ever two NICs', none is
// given before it is free, nobody loses his, who comes back soon has his again,
// and each row comes to say its own.
func TestZonesByChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, zonesByChange)
}

func zonesByChange(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	rows := map[string]ovsdb.Interface{} // by name, as the database has them
	fails := false
	z := &zones{
		grace: zoneGrace,
		write: func(_ context.Context, ids map[string]string) error {
			if fails && rng.IntN(2) == 0 {
				return errors.New("no database")
			}
			for name, id := range ids {
				i, ok := rows[name]
				if !ok {
					continue // gone meanwhile
				}
				i.ExternalIDs = map[string]string{zoneKey: id}
				rows[name] = i
			}
			return nil
		},
		flush: func(context.Context, uint16) error {
			if fails && rng.IntN(4) == 0 {
				return errors.New("no switch")
			}
			return nil
		},
	}
	known, again := newClaims(), map[string]struct{}{}
	for step := range 4000 {
		fails = step%500 < 400
		if rng.IntN(3) == 0 {
			left, _ := z.vacated()
			z.freed(left)
		}
		var ch ovsdb.Change
		name := fmt.Sprintf("p%02d", rng.IntN(30))
		if old, has := rows[name]; has {
			ch.Gone = append(ch.Gone, old)
			delete(rows, name)
		}
		if nic := rng.IntN(40); nic < 25 {
			i := ovsdb.Interface{UUID: ovsdb.UUID(fmt.Sprint(step)), Name: name, IfaceID: fmt.Sprintf("n%d", nic), OFPort: uint32(step + 1)}
			if rng.IntN(4) == 0 { // what a former run kept, or somebody made up
				i.ExternalIDs = map[string]string{zoneKey: zoneValue(uint16(rng.IntN(30)), i.IfaceID)}
			}
			rows[name] = i
			ch.Set = append(ch.Set, i)
		}
		known.change(ch, again)
		before := map[string]uint16{}
		maps.Copy(before, z.byNIC)
		time.Sleep(time.Duration(rng.IntN(3000)) * time.Millisecond)
		left, _ := z.vacated()
		kept := map[string]uint16{}
		for zone, l := range z.leaving {
			if !l.flushing {
				kept[l.nic] = zone
			}
		}
		var look []claim
		var gone []string
		for nic := range again {
			if c, ok := known.get(nic); ok {
				c.iface = rows[c.iface.Name]
				look = append(look, c)
			} else {
				gone = append(gone, nic)
			}
		}
		slices.SortFunc(look, func(a, b claim) int { return compareName(a.iface, b.iface.Name) })
		_, _, failed := z.update(t.Context(), look, gone)
		clear(again)
		for _, c := range look {
			if _, has := z.byNIC[c.nic]; has == (failed[c.nic] != nil) {
				t.Fatalf("step %d: %s has a zone: %v, and failed: %v", step, c.nic, has, failed[c.nic])
			}
			if failed[c.nic] != nil || z.unwritten[c.nic] {
				again[c.nic] = struct{}{}
			}
		}
		of := map[uint16]string{}
		for nic, zone := range z.byNIC {
			if other, twice := of[zone]; twice || zone == 0 || z.used[zone] != nic {
				t.Fatalf("step %d: zone %d is of %s and %q, in the books of %q", step, zone, nic, other, z.used[zone])
			}
			of[zone] = nic
			was, had := before[nic]
			if had && was != zone || !had && slices.Contains(left, zone) {
				t.Fatalf("step %d: %s has zone %d, had %d; zones left %v", step, nic, zone, was, left)
			}
			if own, back := kept[nic]; !had && back && own != zone {
				t.Fatalf("step %d: %s comes back to zone %d, its own is %d", step, nic, zone, own)
			}
			if _, plugged := known.get(nic); !plugged {
				t.Fatalf("step %d: %s is not plugged and has zone %d", step, nic, zone)
			}
		}
		if len(z.used) != len(z.byNIC) || len(of) > 0 && slices.Max(slices.Collect(maps.Keys(of))) > 100 {
			t.Fatalf("step %d: %d zones in the books, %d NICs, zones %v", step, len(z.used), len(z.byNIC), of)
		}
		for nic, zone := range z.byNIC {
			c, _ := known.get(nic)
			if row := rows[c.iface.Name]; row.ExternalIDs[zoneKey] != zoneValue(zone, nic) && !z.unwritten[nic] {
				t.Fatalf("step %d: row %s says %q for zone %d of %s, and nobody owes it", step, row.Name, row.ExternalIDs[zoneKey], zone, nic)
			}
		}
	}
	if len(again) > 0 && !fails {
		t.Errorf("still to do without a fault: %v", again)
	}
}
