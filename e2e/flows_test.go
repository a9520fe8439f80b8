package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/internal/flowwatch"
	"github.com/ringfence/ringfence/internal/lab"
)

// flows reads a host's flows, without counters and ages, and without temporary
// ones.
func flows(t *testing.T, h *lab.Host) []string {
	t.Helper()
	fs, err := h.Flows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(fs, temporary)
}

// temporary tells a flow that picks up TCP in mid-stream for a while (cookie kind
// 0x0c).
func temporary(flow string) bool { return strings.Contains(flow, "cookie=0x52470c") }

// expectFlows checks that a host comes to have exactly these flows.
func expectFlows(t *testing.T, h *lab.Host, want []string) {
	t.Helper()
	eventually(t, longest, func() error { return differ(flows(t, h), want) })
}

// differ tells how two lists of flows differ, if they do.
func differ(got, want []string) error {
	var more, missing []string
	for _, f := range got {
		if !slices.Contains(want, f) {
			more = append(more, f)
		}
	}
	for _, f := range want {
		if !slices.Contains(got, f) {
			missing = append(missing, f)
		}
	}
	if len(more)+len(missing) == 0 && len(got) == len(want) {
		return nil
	}
	const most = 10
	return fmt.Errorf("%d flows, want %d; not wanted (%d): %q; missing (%d): %q", len(got), len(want),
		len(more), more[:min(most, len(more))], len(missing), missing[:min(most, len(missing))])
}

// watch records the changes to a host's flows until the test ends.
func watch(t *testing.T, h *lab.Host) *flowwatch.Watch {
	t.Helper()
	w, err := flowwatch.Start(t.Context(), h.Proc, lab.Bridge)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}
