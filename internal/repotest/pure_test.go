package repotest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
)

// The packages that "make test" runs without the race detector have nothing
// that could race: they start no goroutine and lock nothing.
func TestPurePackagesOnlyCompute(t *testing.T) {
	pure := strings.Fields(makeVariable(t, "PURE"))
	files := map[string]map[string][]byte{} // by directory
	walk(t, func(file string, content []byte) {
		if dir := path.Dir(file); strings.HasSuffix(file, ".go") && !strings.HasSuffix(file, "_test.go") {
			if files[dir] == nil {
				files[dir] = map[string][]byte{}
			}
			files[dir][file] = content
		}
	})
	if len(pure) < 5 {
		t.Fatalf("the Makefile's PURE is %v: looking for the wrong line", pure)
	}
	for _, dir := range pure {
		if len(files[dir]) == 0 {
			t.Errorf("%s of the Makefile's PURE is no package", dir)
		}
		for file, content := range files[dir] {
			f, err := parser.ParseFile(token.NewFileSet(), file, content, 0)
			if err != nil {
				t.Fatal(err)
			}
			if imports := importPaths(t, f); slices.Contains(imports, "sync") || slices.Contains(imports, "sync/atomic") {
				t.Errorf("%s locks something: %s needs the race detector", file, dir)
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if _, ok := n.(*ast.GoStmt); ok {
					t.Errorf("%s starts a goroutine: %s needs the race detector", file, dir)
				}
				return true
			})
		}
	}
}
