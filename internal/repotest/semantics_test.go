package repotest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The tests of e2e that show the semantics quote the sentence that they show.
// A sentence that is changed or gone would leave a test that shows something
// else than what is promised.
func TestEveryQuotedSentenceIsOfTheSemantics(t *testing.T) {
	var page string
	quotes := map[string]string{} // by where they stand
	walk(t, func(file string, content []byte) {
		switch {
		case file == "docs/semantics.md":
			page = plainText(string(content))
		case strings.HasPrefix(file, "e2e/semantics") && strings.HasSuffix(file, "_test.go"):
			collectQuotes(t, file, content, quotes)
		}
	})
	if len(quotes) < 20 {
		t.Fatalf("found %d quotes: looking in the wrong place", len(quotes))
	}
	// A quote may leave out what is of no matter, and join two sentences.
	separator := regexp.MustCompile(`…| / |; `)
	for where, quote := range quotes {
		for _, part := range separator.Split(quote, -1) {
			if part = strings.TrimSpace(part); !strings.Contains(page, part) {
				t.Errorf("%s quotes %q, which docs/semantics.md does not say", where, part)
			}
		}
	}
}

// plainText is Markdown on one line, without emphasis.
func plainText(markdown string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("*", "", "`", "").Replace(markdown)), " ")
}

// collectQuotes finds the values of type sentence: a name, a quote, a function.
func collectQuotes(t *testing.T, file string, content []byte, quotes map[string]string) {
	t.Helper()
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, file, content, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		value, ok := n.(*ast.CompositeLit)
		if !ok || len(value.Elts) != 3 {
			return true
		}
		if _, ok := value.Elts[2].(*ast.FuncLit); !ok {
			return true
		}
		quote, ok := value.Elts[1].(*ast.BasicLit)
		if !ok || quote.Kind != token.STRING {
			return true
		}
		text, err := strconv.Unquote(quote.Value)
		if err != nil {
			t.Fatal(err)
		}
		quotes[files.Position(quote.Pos()).String()] = text
		return true
	})
}
