package controller

import (
	"context"
	"errors"
	"testing"

	"github.com/ringfence/ringfence/unixctl"
)

func TestLimits(t *testing.T) {
	have := map[uint16]uint32{} // what the switch holds
	var refuse error
	l := limits{most: 7, set: func(_ context.Context, zones ...unixctl.ZoneLimit) error {
		if refuse != nil {
			return refuse
		}
		for _, z := range zones {
			have[z.Zone] = z.Limit
		}
		return nil
	}}
	apply := func(zones ...uint16) error { return l.apply(t.Context(), zones...) }
	expect := func(zones ...uint16) {
		t.Helper()
		for _, z := range zones {
			if have[z] != 7 {
				t.Errorf("zone %d has the limit %d", z, have[z])
			}
		}
		if len(have) != len(zones) {
			t.Errorf("limits %v, want those of %v", have, zones)
		}
	}
	if err := apply(1, 2); err != nil {
		t.Fatal(err)
	}
	expect(1, 2)
	refuse = errors.New("switch away")
	if err := apply(1, 2, 3); !errors.Is(err, refuse) {
		t.Errorf("error %v", err)
	}
	refuse = nil
	if err := apply(2); err != nil { // 3 is still owed
		t.Fatal(err)
	}
	expect(1, 2, 3)
	clear(have) // ovs-vswitchd is restarted
	l.forget()
	if err := apply(2, 3); err != nil {
		t.Fatal(err)
	}
	expect(2, 3)
	clear(have)
	l.most = 0
	l.forget()
	if err := apply(2, 3); err != nil {
		t.Fatal(err)
	}
	expect()
}
