package ofrules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// What stands above what is read off one list, priorities.go: no flow is given
// a number.
func TestPrioritiesHaveNames(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	// Which argument of whatever makes a flow is its priority.
	at := map[string]int{"flow": 1, "key": 1, "add": 1, "addAt": 1, "drop": 2, "state": 0, "accept": 1}
	seen := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			name := ""
			switch f := call.Fun.(type) {
			case *ast.Ident:
				name = f.Name
			case *ast.SelectorExpr:
				name = f.Sel.Name
			}
			i, makes := at[name]
			if !makes || i >= len(call.Args) {
				return true
			}
			seen++
			ast.Inspect(call.Args[i], func(n ast.Node) bool {
				if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.INT {
					t.Errorf("%s: a flow of priority %s, which has no name", fset.Position(lit.Pos()), lit.Value)
				}
				return true
			})
			return true
		})
	}
	if seen < 100 {
		t.Errorf("found %d flows: looking for the wrong calls", seen)
	}
}
