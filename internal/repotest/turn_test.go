package repotest

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// switches are what starts a switch.
var switches = []string{"ovstest.Start(", "ovsproc.Start(", "lab.New(", "stack.Start(", "= Start(t, Options{", "Start(context.Background(), Config{", "startDev("}

// Tests that start switches, stores or namespaces run one package after
// another, see package turn. A package that forgets to wait for its turn makes
// the tests of others fail on a busy machine, and not its own.
func TestPackagesWithRealProcessesTakeTurns(t *testing.T) {
	starts := slices.Concat(switches, []string{"embedded.Start(", "etcdtest.Start(", "etcdtest.Config(", `exec.Command("etcd"`})
	real, takes := map[string]string{}, map[string]bool{}
	walk(t, func(file string, content []byte) {
		dir := path.Dir(file)
		if !strings.HasSuffix(file, "_test.go") || dir == "internal/repotest" {
			return
		}
		text := string(content)
		if slices.ContainsFunc(starts, func(s string) bool { return strings.Contains(text, s) }) {
			real[dir] = file
		}
		takes[dir] = takes[dir] || strings.Contains(text, "\tturn.Take()\n")
	})
	if len(real) < 8 {
		t.Errorf("found %d packages whose tests start real processes: looking for the wrong calls", len(real))
	}
	for dir, file := range real {
		if !takes[dir] {
			t.Errorf("%s starts real processes: TestMain of %s must call turn.Take", file, dir)
		}
	}
}
