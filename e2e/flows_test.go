package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	eventually(t, longest, func() error { return differ(t, flows(t, h), want) })
}

// differ tells how two lists of flows differ, if they do. What is the same flow,
// ovs-ofctl knows: matches, actions, cookies and timeouts count, order does not.
func differ(t *testing.T, got, want []string) error {
	t.Helper()
	dir := t.TempDir() // a name that begins with a slash is a file's
	for name, flows := range map[string][]string{"got": got, "want": want} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Join(flows, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), "ovs-ofctl", "--protocols=OpenFlow15", "diff-flows", filepath.Join(dir, "got"), filepath.Join(dir, "want")).CombinedOutput()
	const differences = 2 // the exit status
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &exit) || exit.ExitCode() != differences:
		t.Fatalf("ovs-ofctl diff-flows: %v: %s", err, out)
	}
	const most = 2000
	return fmt.Errorf("%d flows, want %d; - is not wanted, + is missing:\n%s", len(got), len(want), out[:min(most, len(out))])
}

// A difference of one flow, in whatever part of it, is one; another order or way
// to write it is not.
func TestFlowsDiffer(t *testing.T) {
	t.Parallel()
	flows := []string{
		"cookie=0x1, table=5, priority=7,tcp,tp_dst=80 actions=drop",
		"cookie=0x2, table=6, priority=3,ct_state=+new+trk,ip,nw_src=10.0.0.0/8 actions=conjunction(5,1/2),conjunction(6,2/2)",
		"cookie=0x3, table=100, priority=1,conj_id=5,ip actions=ct(commit,zone=NXM_NX_REG1[0..15],exec(set_field:0x1->ct_mark)),output:7",
	}
	same := []string{flows[2], "table=5 priority=7 tcp tp_dst=0x50 cookie=0x1 actions=drop", flows[1]}
	if err := differ(t, same, flows); err != nil {
		t.Error(err)
	}
	for part, change := range map[string][2]string{
		"cookie": {"cookie=0x1", "cookie=0x9"}, "table": {"table=5", "table=8"}, "priority": {"priority=7", "priority=8"},
		"match": {"tp_dst=80", "tp_dst=81"}, "action": {"actions=drop", "actions=NORMAL"},
	} {
		changed := append([]string{strings.Replace(flows[0], change[0], change[1], 1)}, flows[1:]...)
		if err := differ(t, changed, flows); err == nil || !strings.Contains(err.Error(), change[1]) {
			t.Errorf("%s: %v", part, err)
		}
	}
	if differ(t, flows[1:], flows) == nil || differ(t, flows, flows[:2]) == nil {
		t.Error("a flow more or less is no difference")
	}
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
