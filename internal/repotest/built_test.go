package repotest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Nothing that is built, and no code of others, is committed: it would be there
// for good, and nobody would read it.
func TestNothingBuiltIsCommitted(t *testing.T) {
	cmd := exec.Command("git", "ls-files", "-z")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("git does not say what is committed, as in sources without a repository: %v", err)
	}
	files := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if len(files) < 100 {
		t.Fatalf("%d files are committed: looking in the wrong place", len(files))
	}
	const most = 600 << 10 // of a file, in bytes
	for _, f := range files {
		for part := range strings.SplitSeq(f, "/") {
			switch part {
			case "node_modules", "vendor", "built", "dist", "generated":
				t.Errorf("%s is committed", f)
			}
		}
		if info, err := os.Stat(filepath.Join(root(t), f)); err == nil && info.Size() > most {
			t.Errorf("%s is committed and has %d bytes", f, info.Size())
		}
	}
}
