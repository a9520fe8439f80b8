package repotest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// makeVariable reads what the Makefile sets a variable to.
func makeVariable(t *testing.T, name string) (value string) {
	t.Helper()
	walk(t, func(file string, content []byte) {
		if file != "Makefile" {
			return
		}
		if m := regexp.MustCompile(`(?m)^` + name + ` +:= (.*)$`).FindSubmatch(content); m != nil {
			value = strings.ReplaceAll(string(m[1]), "$$", "$")
		}
	})
	if value == "" {
		t.Fatalf("the Makefile does not set %s", name)
	}
	return value
}

// "make test" runs several streams of packages beside each other: those that start
// switches are not left to that of the others.
func TestSwitchesAreListed(t *testing.T) {
	listed := append(strings.Fields(makeVariable(t, "SWITCHES")), "e2e")
	walk(t, func(file string, content []byte) {
		dir := path.Dir(file)
		if !strings.HasSuffix(file, "_test.go") || dir == "internal/repotest" || slices.Contains(listed, dir) {
			return
		}
		if slices.ContainsFunc(switches, func(s string) bool { return strings.Contains(string(content), s) }) {
			t.Errorf("%s starts switches: the Makefile's SWITCHES lacks %s", file, dir)
		}
	})
}

// What a test leaves out before the race detector (-short) "make test" makes
// without it: all tests that do are among the Makefile's MANY. The store's run in
// full without the race detector, all but those that are ONCE.
func TestWhatIsShortIsRunInFull(t *testing.T) {
	many := regexp.MustCompile(makeVariable(t, "MANY"))
	found := 0
	shortens := func(file string, content []byte) bool {
		return path.Dir(file) != "store" && strings.Contains(string(content), "testing.Short")
	}
	eachTestFunction(t, shortens, func(file string, fn *ast.FuncDecl, _ []byte) {
		if !asksShort(fn) {
			return
		}
		if found++; !slices.Contains([]string{"httpapi", "controller"}, path.Dir(file)) || !many.MatchString(fn.Name.Name) {
			t.Errorf("%s: %s makes less of something with -short, and is not among the Makefile's MANY", file, fn.Name.Name)
		}
	})
	if found == 0 {
		t.Error("no test asks whether it is to be short: looking for the wrong call")
	}
}

// A test of the store that is ONCE is the same in short: it leaves out neither rounds
// nor the embedded etcd.
func TestWhatRunsOnceIsTheSameInShort(t *testing.T) {
	once := regexp.MustCompile(makeVariable(t, "ONCE"))
	shorter := regexp.MustCompile(`testing\.Short\(|\b(with[A-Za-z]*Etcd|repeats)\(|embedded(Etcd|\.Start)`)
	found := 0
	ofStore := func(file string, _ []byte) bool { return path.Dir(file) == "store" }
	eachTestFunction(t, ofStore, func(file string, fn *ast.FuncDecl, text []byte) {
		if !once.MatchString(fn.Name.Name) {
			return
		}
		found++
		if word := shorter.Find(text); word != nil {
			t.Errorf("%s: %s is among the Makefile's ONCE, and has %q", file, fn.Name.Name, word)
		}
	})
	if names := strings.Count(once.String(), "|") + 1; found != names {
		t.Errorf("the store has %d of the %d tests of the Makefile's ONCE", found, names)
	}
}

// eachTestFunction calls each with the functions of those test files that are taken, and
// with their texts.
func eachTestFunction(t *testing.T, takes func(file string, content []byte) bool, each func(file string, fn *ast.FuncDecl, text []byte)) {
	t.Helper()
	walk(t, func(file string, content []byte) {
		if !strings.HasSuffix(file, "_test.go") || !takes(file, content) {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, content, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				each(file, fn, content[fn.Pos()-f.FileStart:fn.End()-f.FileStart])
			}
		}
	})
}

func asksShort(fn *ast.FuncDecl) (asks bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Short" {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == "testing" {
				asks = true
			}
		}
		return true
	})
	return asks
}
