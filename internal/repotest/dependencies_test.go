package repotest

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// require reads go.mod: the modules of each require block, those needed
// indirectly apart.
func require(t *testing.T) (direct, indirect []string) {
	t.Helper()
	mixed := false
	walk(t, func(file string, content []byte) {
		if file != "go.mod" {
			return
		}
		for _, block := range regexp.MustCompile(`(?s)require \((.*?)\n\)`).FindAllStringSubmatch(string(content), -1) {
			kinds := map[bool]bool{}
			for line := range strings.Lines(block[1]) {
				fields := strings.Fields(line)
				if len(fields) < 2 {
					continue
				}
				is := strings.HasSuffix(strings.TrimSpace(line), "// indirect")
				kinds[is] = true
				if is {
					indirect = append(indirect, fields[0])
				} else {
					direct = append(direct, fields[0])
				}
			}
			mixed = mixed || len(kinds) > 1
		}
	})
	if mixed {
		t.Error("go.mod has direct and indirect requirements in one block: go mod tidy")
	}
	if len(direct) < 10 || len(indirect) < 10 {
		t.Fatalf("%d direct, %d indirect requirements: looking in the wrong place", len(direct), len(indirect))
	}
	return direct, indirect
}

// What is required directly is imported, and what is imported is required so.
// "make vet" has go mod tidy say the same, which needs the modules' sources.
func TestDirectRequirementsAreImported(t *testing.T) {
	direct, indirect := require(t)
	imported := map[string]bool{}
	for _, s := range sources(t) {
		for _, i := range s.imports {
			imported[i] = true
		}
	}
	uses := func(module string) bool {
		for i := range imported {
			if within(i, module) {
				return true
			}
		}
		return false
	}
	for _, m := range direct {
		if !uses(m) {
			t.Errorf("go.mod requires %s, which nothing imports", m)
		}
	}
	for _, m := range indirect {
		// A module below it may be the one that is imported.
		if uses(m) && !strings.HasPrefix(m, "go.etcd.io/") && !strings.HasPrefix(m, "go.opentelemetry.io/") {
			t.Errorf("go.mod calls %s indirect, and it is imported", m)
		}
	}
}

// The README says of every library why it is there.
func TestTheREADMESaysWhyOfEachLibrary(t *testing.T) {
	direct, _ := require(t)
	var readme string
	walk(t, func(file string, content []byte) {
		if file == "README.md" {
			readme = string(content)
		}
	})
	_, section, found := strings.Cut(readme, "\n## What we depend on, what we wrote\n")
	if !found {
		t.Fatal("README.md does not say what we depend on")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for _, m := range direct {
		if !strings.Contains(section, "`"+m+"`") {
			t.Errorf("README.md does not say why we depend on %s", m)
		}
	}
	for _, m := range regexp.MustCompile("`([a-z0-9]+\\.[a-z]+/[^`]+)`").FindAllStringSubmatch(section, -1) {
		ok := m[1] == "github.com/antrea-io/libOpenflow"
		for _, d := range direct {
			ok = ok || m[1] == d
		}
		if !ok {
			t.Errorf("README.md names %s, which go.mod does not require", m[1])
		}
	}
}

// Nothing that tests and containers need is in the program that people run.
func TestTheProgramLinksNoTestLibrary(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", "./cmd/ringfence")
	cmd.Dir = root(t)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 100 {
		t.Fatalf("%d packages: looking in the wrong place", len(deps))
	}
	for _, d := range deps {
		for _, bad := range []string{
			"testing", "github.com/stretchr", "go.uber.org/goleak", "github.com/rogpeppe", "pgregory.net", "github.com/davecgh",
			"github.com/docker", "github.com/moby", "github.com/ory", "github.com/opencontainers", "github.com/containerd", "github.com/testcontainers",
		} {
			if within(d, bad) {
				t.Errorf("cmd/ringfence links %s", d)
			}
		}
	}
}
