package repotest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// module is the import path of the repository.
const module = "github.com/ringfence/ringfence"

// source is one Go file.
type source struct {
	path    string // from the repository's root, with slashes
	dir     string // "" is the root
	test    bool
	doc     bool // it has a package comment
	pkg     string
	imports []string
	lines   int
}

// root is the repository's directory.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		t.Fatalf("no repository there: %v", err)
	}
	return dir
}

// walk calls fn with every file of the repository, by its path from the root.
// Build output, packages of npm and hidden directories other than .ci are no part of it.
func walk(t *testing.T, fn func(path string, content []byte)) {
	t.Helper()
	top := root(t)
	err := filepath.WalkDir(top, func(full string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path, err := filepath.Rel(top, full)
		if err != nil {
			return err
		}
		path = filepath.ToSlash(path)
		if d.IsDir() {
			hidden := strings.HasPrefix(d.Name(), ".") && path != "." && path != ".ci"
			if hidden || path == "bin" || path == "dist" || path == "console/static/built" || path == "ui/node_modules" {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || path == ".git" { // a worktree's .git is a file
			return nil
		}
		content, err := os.ReadFile(full)
		if err != nil {
			return err
		}
		fn(path, content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sources parses the imports and package comments of all Go files.
func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	walk(t, func(path string, content []byte) {
		if !strings.HasSuffix(path, ".go") || strings.Contains("/"+path, "/testdata/") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, content, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		out = append(out, source{
			path: path, dir: strings.TrimPrefix(dir, "."), test: strings.HasSuffix(path, "_test.go"), doc: f.Doc != nil,
			pkg: f.Name.Name, imports: importPaths(t, f), lines: strings.Count(string(content), "\n"),
		})
	})
	if len(out) < 10 {
		t.Fatalf("found %d Go files: looking in the wrong place", len(out))
	}
	return out
}

// generated tells whether a file is made by a tool (make proto) and is nobody's to
// read.
func generated(path string) bool { return strings.HasSuffix(path, ".pb.go") }

func importPaths(t *testing.T, f *ast.File) []string {
	t.Helper()
	var out []string
	for _, spec := range f.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

// within reports whether path is prefix or lies below it.
func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}
