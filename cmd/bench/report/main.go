// Command report makes docs/benchmarks.md, at the top of the repository: of the words in
// docs/benchmarks/page.md.tmpl, and of the figures that benchmarks printed, which are kept beside
// it, a file a run. So every figure of the page is one that was measured, and says where.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// Where the page is, and what it is made of.
const (
	pagePath = "docs/benchmarks.md"
	linesDir = "docs/benchmarks"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "bench/report:", err)
		os.Exit(1)
	}
}

// run writes the page of the repository that is at a path.
func run(top string) error {
	text, err := page(os.DirFS(filepath.Join(top, linesDir)))
	if err != nil {
		return fmt.Errorf("%s: %w", linesDir, err)
	}
	return os.WriteFile(filepath.Join(top, pagePath), text, 0o644)
}
