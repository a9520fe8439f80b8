package httpapi

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs/api.md is what people write programs against, openapi.yaml what tests
// hold the answers to. Neither may promise a path, a method or a problem code
// that the other does not know.
func TestAPIPageAndOpenAPIAgree(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "api.md"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := openAPIJSON()
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct {
			Schemas struct {
				Problem struct {
					Properties struct {
						Code struct{ Enum []string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(body, &document); err != nil {
		t.Fatal(err)
	}
	var described []string
	for path, operations := range document.Paths {
		for method := range operations {
			if method != "parameters" {
				described = append(described, strings.ToUpper(method)+" "+path)
			}
		}
	}
	head, errorsSection, found := strings.Cut(string(page), "\n## Errors\n")
	if !found {
		t.Fatal("docs/api.md has no section on errors")
	}
	errorsSection, _, _ = strings.Cut(errorsSection, "\n## ")
	var promised []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(/[^`]*)` \\| ([A-Z ]+) \\|").FindAllStringSubmatch(head, -1) {
		for method := range strings.FieldsSeq(row[2]) {
			promised = append(promised, method+" "+row[1])
		}
	}
	var codes []string
	for row := range strings.Lines(errorsSection) {
		if cells := strings.Split(row, "|"); len(cells) == 4 {
			for _, code := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(cells[2], -1) {
				codes = append(codes, code[1])
			}
		}
	}
	agree(t, "operations", promised, described)
	agree(t, "problem codes", codes, document.Components.Schemas.Problem.Properties.Code.Enum)
}

func agree(t *testing.T, what string, page, document []string) {
	t.Helper()
	if len(page) < 20 {
		t.Fatalf("found %d %s on the page: looking in the wrong place", len(page), what)
	}
	for _, s := range page {
		if !slices.Contains(document, s) {
			t.Errorf("%s: docs/api.md has %q, openapi.yaml has not", what, s)
		}
	}
	for _, s := range document {
		if !slices.Contains(page, s) {
			t.Errorf("%s: openapi.yaml has %q, docs/api.md has not", what, s)
		}
	}
}
