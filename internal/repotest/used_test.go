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

// declaration is an exported name of a package.
type declaration struct{ dir, name string }

// uses is what the product makes use of: names of packages, and methods by
// their name, of whatever type.
type uses struct {
	names   map[declaration]bool
	methods map[string]bool
}

// What nobody uses is code that nobody needs, and what only tests use belongs to
// them. "make lint" has the tool deadcode look into functions, too.
func TestExportedNamesAreUsed(t *testing.T) {
	// What these export is an offer, to others' programs and to tests.
	offers := []string{"client", "internal", "openflow/ofsim", "e2e", "relay/wire"}
	// And so is this, of packages that the product is made of.
	offered := map[declaration]string{
		{"openflow", "ParseFlow"}:  "the reverse of Flow.String: tests write flows in the words of ovs-ofctl",
		{"openflow", "ParseMatch"}: "as ParseFlow",
		{"verdict", "Allowing"}:    "the oracle of the tests: every rule that could have admitted",
		{"span", "Span"}:           "the oracle of the tests: what a share is, by definition",
	}
	// Methods that others' packages call by an interface of theirs.
	called := []string{
		"Unwrap", "Is", "MarshalJSON", "UnmarshalJSON", "Describe", "Collect", // errors, encoding/json, Prometheus
		"TagRPC", "HandleRPC", "TagConn", "HandleConn", "CloneModelInto", "Resolve", "AfterApply", "VerifySignature", // gRPC, libovsdb, kong, go-oidc
	}
	product := uses{map[declaration]bool{}, map[string]bool{}}
	type declared struct {
		declaration
		alike []string // the constants declared with it: a protocol's are told whole
	}
	var all []declared
	var methods []declaration
	imported := map[string]bool{}
	packages := map[string]bool{}
	walk(t, func(file string, content []byte) {
		dir := path.Dir(file)
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || strings.Contains("/"+file, "/testdata/") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, content, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name.Name != "main" {
			packages[dir] = true
		}
		own := map[*ast.Ident]bool{}
		if generated(file) { // it has all that wire.proto says, also what only the other end needs
			product.add(dir, f, own, imported)
			return
		}
		for _, group := range declarations(f) {
			var alike []string
			for _, id := range group {
				own[id] = true
				alike = append(alike, id.Name)
			}
			for _, id := range group {
				if id.IsExported() {
					all = append(all, declared{declaration{dir, id.Name}, alike})
				}
			}
		}
		for _, decl := range f.Decls {
			if m, ok := decl.(*ast.FuncDecl); ok && m.Recv != nil && m.Name.IsExported() && f.Name.Name != "main" {
				methods = append(methods, declaration{dir, m.Name.Name})
			}
		}
		product.add(dir, f, own, imported)
	})
	for dir := range packages {
		if !imported[dir] && !within(dir, "internal") && !within(dir, "openflow/ofsim") && dir != "relay/wire" && dir != "e2e" && dir != "e2e/faults" {
			t.Errorf("nothing of the product imports %s", dir)
		}
	}
	for _, m := range methods {
		used := product.methods[m.name] || slices.Contains(called, m.name)
		if !used && !slices.ContainsFunc(offers, func(o string) bool { return within(m.dir, o) }) {
			t.Errorf("%s: nothing of the product calls a method %s", m.dir, m.name)
		}
	}
	if len(all) < 1000 {
		t.Fatalf("found %d exported names: looking in the wrong place", len(all))
	}
next:
	for _, d := range all {
		for _, o := range offers {
			if within(d.dir, o) {
				continue next
			}
		}
		for _, name := range d.alike {
			if product.names[declaration{d.dir, name}] {
				continue next
			}
		}
		if offered[d.declaration] == "" {
			t.Errorf("%s.%s: only tests use it, if anybody", d.dir, d.name)
		}
	}
}

// add notes what a file uses. own are the names that it declares, where it does.
func (u *uses) add(dir string, f *ast.File, own map[*ast.Ident]bool, imported map[string]bool) {
	as := map[string]string{}
	for _, spec := range f.Imports {
		ours, ok := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module+"/")
		if !ok {
			continue
		}
		imported[ours] = true
		name := path.Base(ours)
		if spec.Name != nil {
			name = spec.Name.Name
		}
		as[name] = ours
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			u.methods[n.Sel.Name] = true
			if x, ok := n.X.(*ast.Ident); ok && as[x.Name] != "" {
				u.names[declaration{as[x.Name], n.Sel.Name}] = true
			}
		case *ast.InterfaceType:
			for _, m := range n.Methods.List {
				for _, name := range m.Names {
					u.methods[name.Name] = true
				}
			}
		case *ast.Ident:
			if !own[n] {
				u.names[declaration{dir, n.Name}] = true
			}
		}
		return true
	})
}

// declarations are the functions, types, variables and constants that a file
// declares; those of one group of constants together.
func declarations(f *ast.File) (groups [][]*ast.Ident) {
	for _, decl := range f.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			if decl.Recv == nil {
				groups = append(groups, []*ast.Ident{decl.Name})
			}
		case *ast.GenDecl:
			var constants []*ast.Ident
			for _, spec := range decl.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					if decl.Tok == token.CONST {
						constants = append(constants, spec.Names...)
						continue
					}
					for _, name := range spec.Names {
						groups = append(groups, []*ast.Ident{name})
					}
				case *ast.TypeSpec:
					groups = append(groups, []*ast.Ident{spec.Name})
				}
			}
			if len(constants) > 0 {
				groups = append(groups, constants)
			}
		}
	}
	return groups
}
