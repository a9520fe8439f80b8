package faults

import (
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/lab"
)

// TestFaultsAreSeen breaks what Ringfence promises, while nobody is there to
// mend it: the suite must see it, or it shows nothing.
func TestFaultsAreSeen(t *testing.T) {
	w := start(t, false)
	slots, oracle := slots(), NewOracle(slots())
	ctx := within(t, 2*time.Minute)
	if err := w.settle(ctx, slots, oracle); err != nil {
		t.Fatal(err)
	}
	if err := w.Plane.Pause("controller-h2"); err != nil {
		t.Fatal(err)
	}
	// while judges what is seen while a flow is in the switch of h2.
	while := func(flow string) string {
		t.Helper()
		from := time.Now()
		if _, err := w.Lab.Host("h2").Ofctl(ctx, "add-flow", lab.Bridge, flow); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second) // for this long the flow is there, and its packets are sent
		if _, err := w.Lab.Host("h2").Ofctl(ctx, "--strict", "del-flows", lab.Bridge, flow[:strings.Index(flow, ",actions")]); err != nil {
			t.Fatal(err)
		}
		var out Outcome
		w.judge(&out, oracle, Window{from, time.Now()})
		return out.Complaint()
	}
	cut := while("table=100,priority=65000,actions=drop")
	for _, flow := range []string{"udp6 c1>s2:5000", "udp6 s2>c1:6000 (back)", "tcp4 c2>s2:5000"} {
		if !strings.Contains(cut, flow+": cut for") {
			t.Errorf("%s is cut and nobody has seen it:\n%s", flow, cut)
		}
	}
	if strings.Contains(cut, "passed") || strings.Contains(cut, "c1>s1") || strings.Contains(cut, "control") {
		t.Errorf("seen what is not so:\n%s", cut)
	}
	leak := while("table=80,priority=65000,ip,actions=goto_table:95") // where what no rule is about ends
	for _, flow := range []string{"udp4 x1>s2:5000", "udp4 c1>s2:7000", "tcp4 c1>s2:5900"} {
		if !strings.Contains(leak, flow+": ") || !strings.Contains(leak, "passed that must not") {
			t.Errorf("%s passes and nobody has seen it:\n%s", flow, leak)
		}
	}
	if strings.Contains(leak, "x2>s1") {
		t.Errorf("seen what is not so:\n%s", leak)
	}
	if err := w.Plane.Resume("controller-h2"); err != nil {
		t.Fatal(err)
	}
	// What is acknowledged and then not there is lost.
	w.Book.Sent(0, 1, time.Now())
	w.Book.Acknowledged(0, 1, false, false, 0, time.Now(), "a write that was never made")
	if wrong := w.compare(ctx, slots); len(wrong) != 1 || !strings.Contains(wrong[0].Error(), slots[0].Name) {
		t.Errorf("a lost write: %v", wrong)
	}
}
