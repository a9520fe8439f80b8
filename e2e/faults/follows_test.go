package faults

import (
	"testing"
	"time"
)

// TestFollowsSince: a controller that was started follows its switch as soon as it says
// so, by its own clock, and not because it did before.
func TestFollowsSince(t *testing.T) {
	t.Parallel()
	const starts = "time=2026-11-29T03:08:40.729Z level=INFO msg=\"controller starts\" host=h1\n"
	const connects = "time=2026-11-29T03:08:40.906Z level=INFO msg=\"connected to the switch\" host=h1\n"
	if at, ok := followsSince(starts); ok {
		t.Errorf("it has only been started, and follows its switch since %v", at)
	}
	want := time.Date(2026, 11, 29, 3, 8, 40, 906e6, time.UTC)
	if at, ok := followsSince(starts + connects + "time=2026-11-29T03:09:40.906Z level=INFO msg=\"connected to the switch\" host=h1\n"); !ok || !at.Equal(want) {
		t.Errorf("it follows its switch since %v (%v), want %v", at, ok, want)
	}
}

// TestRenewed: TCP of a NIC that has come to be filtered is not picked up where the
// switch forgets its connections soon after; that of others is.
func TestRenewed(t *testing.T) {
	t.Parallel()
	w := &World{}
	slot := existenceSlot()
	lost := time.Now()
	w.renewed(&slot)
	w.forgets(Fault{Kind: "ovs-vswitchd restarted", Target: "h2"}, "h2", lost)
	for _, f := range []Flow{{From: "c2", To: "n2", Proto: "tcp"}, {From: "c2", To: "s2", Proto: "tcp"}, {From: "c1", To: "n2", Proto: "udp"}} {
		if got, want := len(w.excused(&f, false)), f.To == "n2" && f.Proto == "tcp"; got > 0 != want {
			t.Errorf("%s to %s: %d times are excused", f.Proto, f.To, got)
		}
	}
}
