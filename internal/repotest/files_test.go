package repotest

import (
	"bytes"
	"strings"
	"testing"
)

// maxLines is what a reader takes in at one sitting.
const maxLines = 400

func TestFilesAreShort(t *testing.T) {
	for _, s := range sources(t) {
		if !s.test && !generated(s.path) && s.lines > maxLines {
			t.Errorf("%s has %d lines, more than %d: it holds more than one concept", s.path, s.lines, maxLines)
		}
	}
}

// Every package says in one place what it is for. A second package comment
// would contradict the first one sooner or later.
func TestEveryPackageHasOnePackageComment(t *testing.T) {
	type pkg struct{ dir, name string }
	docs := map[pkg][]string{}
	for _, s := range sources(t) {
		p := pkg{s.dir, strings.TrimSuffix(s.pkg, "_test")}
		files, seen := docs[p]
		if !seen {
			docs[p] = nil
		}
		if s.doc {
			docs[p] = append(files, s.path)
		}
	}
	for p, files := range docs {
		if len(files) != 1 {
			t.Errorf("package %s in %q has %d package comments, want 1: %v", p.name, p.dir, len(files), files)
		}
	}
}

// No package is a drawer for what has no name.
func TestPackagesAreNamedForAConcept(t *testing.T) {
	for _, s := range sources(t) {
		switch s.pkg {
		case "util", "utils", "common", "helpers", "misc", "base":
			t.Errorf("%s: package %s says nothing", s.path, s.pkg)
		}
	}
}

// The repository works on any machine: it names no directory of the machine it
// was written on and no registry or mirror of its own.
func TestNothingTiesTheRepositoryToAMachine(t *testing.T) {
	// Put together here, so that this file does not hold them itself.
	foreign := []string{"/" + "work/", "/tmp/" + "rf/", "GO" + "PROXY", "GO" + "SUMDB", "GO" + "NOSUMDB", "golang" + "proxy"}
	walk(t, func(path string, content []byte) {
		if bytes.IndexByte(content, 0) >= 0 {
			return // no text
		}
		for _, f := range foreign {
			if before, _, ok := bytes.Cut(content, []byte(f)); ok {
				t.Errorf("%s:%d names %s", path, 1+bytes.Count(before, []byte("\n")), f)
			}
		}
	})
}
