package desk

import (
	"testing"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/oftrace"
)

// What a NIC sends that has no flows ends at the entry because it is not ready,
// with the cause if the host knows it.
func TestTracesOfNICsThatAreNotReady(t *testing.T) {
	t.Parallel()
	miss := tracedStep{Step: &oftrace.Step{Table: ofrules.TableEntry, Miss: "No match."}}
	for _, c := range []struct {
		ports          map[string]ofrules.Port
		problems       map[string]string
		reason, detail string
	}{
		{nil, nil, "not-ready", "the NIC's flows are not installed"},
		{map[string]ofrules.Port{"a1": {OFPort: 1, Zone: 1}}, map[string]string{"a1": "the switch refuses a flow"}, "not-ready", "the switch refuses a flow"},
		{map[string]ofrules.Port{"a1": {OFPort: 1, Zone: 1}}, map[string]string{"a9": "the switch refuses a flow"}, "not-ready", "the NIC's flows are not installed"},
	} {
		tr := tracer{q: inquiry.TraceQuestion{Source: "a1"}, src: &traceEnd{nic: nic(1)}, host: ofrules.Host{Ports: c.ports}, problems: c.problems}
		if reason, detail := tr.refusal(miss); reason != c.reason || detail != c.detail {
			t.Errorf("%s: %s, want %s: %s", reason, detail, c.reason, c.detail)
		}
	}
}
