package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/ovsdb"
)

// fakeTracker keeps what zones does to the database and the switch.
type fakeTracker struct {
	ids     map[string]string
	flushed []uint16
	fails   error
}

func (f *fakeTracker) zones() *zones {
	return &zones{
		grace: zoneGrace,
		write: func(_ context.Context, ids map[string]string) error {
			if f.fails != nil {
				return f.fails
			}
			maps.Copy(f.ids, ids)
			return nil
		},
		flush: func(_ context.Context, zone uint16) error {
			f.flushed = append(f.flushed, zone)
			return f.fails
		},
	}
}

// assign is a change to exactly these claims.
func (z *zones) assign(ctx context.Context, claims []claim) (byNIC map[string]uint16, fresh []string, failed map[string]error) {
	fresh, back, failed := z.update(ctx, claims, z.withoutClaim(claims))
	return maps.Clone(z.byNIC), append(fresh, back...), failed
}

// claimed makes claims of interfaces.
func claimed(ifaces []ovsdb.Interface) []claim {
	c := newClaims()
	c.change(ovsdb.Change{Set: ifaces}, map[string]struct{}{})
	return c.all()
}

// claims makes claims of "interface=nic" pairs, with the zones kept for them.
func (f *fakeTracker) claims(pairs ...string) []claim {
	var ifaces []ovsdb.Interface
	for i := 0; i < len(pairs); i += 2 {
		ifaces = append(ifaces, ovsdb.Interface{
			Name: pairs[i], IfaceID: pairs[i+1], OFPort: uint32(i + 1), ExternalIDs: map[string]string{zoneKey: f.ids[pairs[i]]},
		})
	}
	return claimed(ifaces)
}

func TestZonesAreKeptAndNeverShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, zonesAreKeptAndNeverShared)
}

func zonesAreKeptAndNeverShared(t *testing.T) {
	f := &fakeTracker{ids: map[string]string{}}
	z := f.zones()
	back := 0 // NICs that get their zone back
	expect := func(what string, claims []claim, want map[string]uint16, flushed ...uint16) {
		t.Helper()
		f.flushed = nil
		got, fresh, failed := z.assign(t.Context(), claims)
		if diff := cmp.Diff(want, got); diff != "" || len(failed) > 0 {
			t.Errorf("%s: failed %v, zones (-want +got):\n%s", what, failed, diff)
		}
		if !slices.Equal(f.flushed, flushed) || len(fresh) != len(flushed)+back {
			t.Errorf("%s: flushed %v, fresh %v", what, f.flushed, fresh)
		}
	}
	leave := func(want ...uint16) {
		t.Helper()
		left, more := z.vacated()
		if !slices.Equal(left, want) {
			t.Errorf("zones left: %v, expected %v", left, want)
		}
		if more > zoneGrace || len(want) == 0 && more == 0 {
			t.Errorf("more zones in %v", more)
		}
	}
	expect("two come", f.claims("p1", "a", "p2", "b"), map[string]uint16{"a": 1, "b": 2}, 1, 2)
	expect("they stay", f.claims("p1", "a", "p2", "b"), map[string]uint16{"a": 1, "b": 2})
	expect("one becomes another, whose zone is not the one just left", f.claims("p1", "c", "p2", "b"), map[string]uint16{"c": 3, "b": 2}, 3)
	leave()
	back = 1
	expect("it comes back soon", f.claims("p1", "a", "p2", "b"), map[string]uint16{"a": 1, "b": 2})
	if f.ids["p1"] != "1/a" {
		t.Errorf("its row says %q", f.ids["p1"])
	}
	back = 0
	expect("it goes again", f.claims("p2", "b"), map[string]uint16{"b": 2})
	time.Sleep(zoneGrace)
	leave(1, 3)
	expect("it comes back when its zone is about to be flushed", f.claims("p1", "a", "p2", "b"), map[string]uint16{"a": 4, "b": 2}, 4)
	z.freed([]uint16{1, 3})
	expect("a free one is taken", f.claims("p0", "d", "p1", "a", "p2", "b"), map[string]uint16{"d": 1, "a": 4, "b": 2}, 1)

	f.fails = errors.New("away")
	f.ids["p1"] = "2/b" // the row was b's before
	z.assign(t.Context(), f.claims("p0", "d", "p1", "a", "p2", "b"))
	if f.fails = nil; len(z.unwritten) == 0 || f.ids["p1"] != "2/b" {
		t.Errorf("owing %v, %v", len(z.unwritten) > 0, f.ids)
	}
	expect("the zone is written to the row that is there", f.claims("p0", "d", "p1", "a", "p2", "b"), map[string]uint16{"d": 1, "a": 4, "b": 2})
	if len(z.unwritten) > 0 || f.ids["p1"] != "4/a" {
		t.Errorf("owing %v, %v", len(z.unwritten) > 0, f.ids)
	}

	z = f.zones() // started again
	expect("they are found again", f.claims("p0", "d", "p1", "a", "p2", "b"), map[string]uint16{"d": 1, "a": 4, "b": 2})
	f.ids["p9"] = f.ids["p0"]
	expect("a copy is no claim", f.claims("p0", "d", "p9", "e"), map[string]uint16{"d": 1, "e": 3}, 3)
	for n, text := range []string{"", "x/e", "0/e", "70000/e", "7", "7/other", "-1/e"} {
		if zone, ok := parseZone(ovsdb.Interface{IfaceID: "e", ExternalIDs: map[string]string{zoneKey: text}}); ok {
			t.Errorf("%d: %q is zone %d", n, text, zone)
		}
	}
}

func TestZonesFailOneByOne(t *testing.T) {
	t.Parallel()
	f := &fakeTracker{ids: map[string]string{}}
	z := f.zones()
	z.assign(t.Context(), f.claims("p1", "a"))
	f.fails = errors.New("away")
	zones, fresh, failed := z.assign(t.Context(), f.claims("p1", "a", "p2", "b"))
	if len(zones) != 1 || zones["a"] != 1 || len(fresh) != 0 || !errors.Is(failed["b"], f.fails) {
		t.Errorf("zones %v, fresh %v, failed %v", zones, fresh, failed)
	}
	f.fails = nil
	if zones, _, failed = z.assign(t.Context(), f.claims("p1", "a", "p2", "b")); len(zones) != 2 || len(failed) != 0 {
		t.Errorf("zones %v, failed %v", zones, failed)
	}
	var many []string
	for n := range maxZone {
		many = append(many, fmt.Sprintf("q%05d", n), fmt.Sprintf("c%05d", n))
	}
	zones, _, failed = z.assign(t.Context(), f.claims(many...))
	// The two that left, zone 0, and the last, which is never given.
	if len(zones)+len(failed) != maxZone || len(failed) == 0 || len(failed) > 4 {
		t.Errorf("%d zones, %d failed", len(zones), len(failed))
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	got := claimed([]ovsdb.Interface{
		{Name: "br-int"},
		{Name: "p1", IfaceID: "a", OFPort: 0, Error: "no such device"},
		{Name: "p2", IfaceID: "a", OFPort: 2},
		{Name: "p3", IfaceID: "b", OFPort: 3},
		{Name: "p4", IfaceID: "b", OFPort: 4},
		{Name: "p5", IfaceID: "c", Error: "no such device"},
	})
	want := []string{
		"a at p2, ofport 2: interface p1 claims the NIC too; p2 has it",
		"b at p3, ofport 3: interface p4 claims the NIC too; p3 has it",
		"c at p5, ofport 0: no such device",
	}
	var texts []string
	for _, c := range got {
		texts = append(texts, fmt.Sprintf("%s at %s, ofport %d: %s", c.nic, c.iface.Name, c.iface.OFPort, c.warn))
	}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// fakePorts is the switch's list of ports.
type fakePorts struct {
	ports []wire.Port
	asked int
}

func (f *fakePorts) Ports(context.Context) ([]wire.Port, error) {
	f.asked++
	return f.ports, nil
}

func TestPortsAgree(t *testing.T) {
	t.Parallel()
	sw := &fakePorts{ports: []wire.Port{
		{Number: 1, Name: "p1"}, {Number: 7, Name: "p2"}, {Number: 3, Name: "a-name-of-fifte"}, {Number: 4, Name: "a-name-of-fifte"},
	}}
	ifaces := []ovsdb.Interface{
		{Name: "p1", OFPort: 1}, {Name: "p2", OFPort: 2}, {Name: "p3", OFPort: 7}, {Name: "a-name-of-fifteen-and-more", OFPort: 4}, {Name: "p5"},
	}
	var p ports
	if moved, err := p.check(t.Context(), sw, ifaces); err != nil || moved {
		t.Fatal(moved, err)
	}
	for n, want := range []bool{true, false, false, true, false} {
		if got := p.agree(ifaces[n]); got != want {
			t.Errorf("%s at %d: %v", ifaces[n].Name, ifaces[n].OFPort, got)
		}
	}
	if _, err := p.check(t.Context(), sw, []ovsdb.Interface{ifaces[0], ifaces[4]}); err != nil || sw.asked != 1 {
		t.Errorf("%v, asked %d times though all agree", err, sw.asked)
	}
	sw.ports[1].Number = 2
	if moved, err := p.check(t.Context(), sw, ifaces); err != nil || !p.agree(ifaces[1]) || !moved {
		t.Errorf("%v, the switch is not asked again, or its port did not move: %v", err, moved)
	}
	sw.ports = append(sw.ports, wire.Port{Number: 5, Name: "p5"})
	if moved, err := p.check(t.Context(), sw, []ovsdb.Interface{{Name: "p5", OFPort: 5}}); err != nil || moved {
		t.Errorf("%v, another port came: moved %v", err, moved)
	}
}
