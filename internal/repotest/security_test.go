package repotest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// docs/security.md says which test tries each attack. A test that is renamed or gone
// would leave a claim that nothing shows.
func TestEveryAttackHasItsTest(t *testing.T) {
	names := map[string]bool{} // what tests of e2e may be called
	var page string
	walk(t, func(file string, content []byte) {
		switch {
		case file == "docs/security.md":
			page = string(content)
		case strings.HasPrefix(file, "e2e/") && strings.HasSuffix(file, "_test.go"):
			for _, s := range literals(t, file, content) {
				names[strings.ReplaceAll(s, " ", "_")] = true // as testing.T.Run does
			}
		}
	})
	isName := regexp.MustCompile("`((?:attacks|networks|flood|…)(?:/[^`]+)?)`")
	rows := 0
	for line := range strings.Lines(page) {
		found := isName.FindAllStringSubmatch(line, -1)
		if row := strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| attack |"); row {
			rows++
			if len(found) == 0 {
				t.Errorf("no test is named for %s", line)
			}
		}
		for _, m := range found {
			for part := range strings.SplitSeq(m[1], "/") {
				if part != "…" && !anyMatches(t, part, names) {
					t.Errorf("docs/security.md names the test %s; nothing in e2e is called %q", m[1], part)
				}
			}
		}
	}
	if rows < 15 {
		t.Errorf("found %d attacks: looking in the wrong place", rows)
	}
}

func anyMatches(t *testing.T, pattern string, names map[string]bool) bool {
	t.Helper()
	for name := range names {
		ok, err := path.Match(pattern, name)
		if err != nil {
			t.Fatalf("%q: %v", pattern, err)
		}
		if ok {
			return true
		}
	}
	return false
}

// literals are the strings in a Go file.
func literals(t *testing.T, file string, content []byte) (out []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, content, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		s, err := strconv.Unquote(lit.Value)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
		return true
	})
	return out
}
