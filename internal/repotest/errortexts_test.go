package repotest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// errorTexts are the functions, by their files, in which the texts are made that hosts
// and NICs show as errors, and the reasons for which a host lags.
var errorTexts = map[string][]string{
	"controller/claims.go":                {"get"},
	"controller/devices.go":               {"check"},
	"controller/host.go":                  {"updateNICs", "uplink"},
	"controller/install.go":               {"note", "refusals"},
	"controller/kept/kept.go":             {"Follow"},
	"controller/kept/save.go":             {"saveOnce"},
	"controller/limits.go":                {"apply"},
	"controller/megaflow/version.go":      {"Unfit"},
	"controller/plugs.go":                 {"get"},
	"controller/records.go":               {"Error"},
	"controller/report.go":                {"former"},
	"controller/zones.go":                 {"allocate"},
	"httpapi/hoststate/report.go":         {"Show"},
	"httpapi/realization/need.go":         {"lagReason", "lagging", "lost"},
	"httpapi/realization/placement.go":    {"Conflict", "ConflictOf"},
	"ofrules/localnics.go":                {"resolveNIC"},
	"ofrules/sockets.go":                  {"problem"},
	"store/internal/hosts/belief.go":      {"judge"},
	"unixctl/conntrack.go":                {"CheckTracking"},
	"cmd/ringfence/internal/look/host.go": {"skewed"},
}

// verb is one of fmt's.
var verb = regexp.MustCompile(`%[+#]?[a-z]`)

// The runbook has every text that hosts show as an error, so that who finds one there
// can look it up, and it has none that no host shows.
func TestRunbookHasEveryError(t *testing.T) {
	runbook := strings.Join(strings.Fields(readFile(t, "docs/runbook.md")), " ")
	var literals []string
	texts, parts, gone := 0, map[string]bool{}, maps.Clone(errorTexts)
	walk(t, func(file string, content []byte) {
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, content, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		missing := slices.Clone(errorTexts[file])
		delete(gone, file)
		for _, d := range f.Decls {
			fn, is := d.(*ast.FuncDecl)
			if !is {
				continue
			}
			i := slices.Index(missing, fn.Name.Name)
			ast.Inspect(fn, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.BasicLit:
					text, _ := strconv.Unquote(n.Value)
					literals = append(literals, text)
					if i < 0 || n.Kind != token.STRING {
						break
					}
					for _, piece := range said(text) {
						texts++
						if !strings.Contains(runbook, piece) {
							t.Errorf("docs/runbook.md does not have %q (%s)", piece, file)
						}
					}
				case *ast.CallExpr:
					sel, is := n.Fun.(*ast.SelectorExpr)
					if !is {
						break
					}
					switch sel.Sel.Name {
					case "Debug", "Info", "Warn", "Error": // of the log
						return false
					case "problem":
						if lit, is := n.Args[0].(*ast.BasicLit); is && strings.HasPrefix(file, "controller/") {
							part, _ := strconv.Unquote(lit.Value)
							parts[part] = true
						}
					}
				}
				return true
			})
			if i >= 0 {
				missing = slices.Delete(missing, i, i+1)
			}
		}
		for _, name := range missing {
			t.Errorf("%s has no function %s: what is said there was moved", file, name)
		}
	})
	for file := range gone {
		t.Errorf("%s is not there: what was said there was moved", file)
	}
	if texts < 30 || len(parts) < 8 {
		t.Errorf("%d texts and %d parts: looking in the wrong place", texts, len(parts))
	}
	for part := range parts {
		if !strings.Contains(runbook, "`"+part+": ") {
			t.Errorf("docs/runbook.md has no `%s: …`", part)
		}
	}
	parts["applied revision not believed"] = true
	row := regexp.MustCompile("(?m)^\\| ((?:`[^`]+`(?:, )?)+) \\|")
	all := strings.Join(literals, "\n")
	for _, m := range row.FindAllStringSubmatch(readFile(t, "docs/runbook.md"), -1) {
		for quoted := range strings.SplitSeq(m[1], "`, `") {
			quoted = strings.Trim(quoted, "`")
			if part, text, has := strings.Cut(quoted, ": "); has && parts[part] {
				quoted = text
			}
			for piece := range strings.SplitSeq(quoted, "…") {
				if piece = strings.TrimSpace(piece); !strings.Contains(all, piece) {
					t.Errorf("docs/runbook.md has %q, which nothing says", piece)
				}
			}
		}
	}
}

// said are the parts of a text, without fmt's verbs, by which it is known: not what it
// says after a colon or the like, which explains it.
func said(text string) (pieces []string) {
	for _, p := range verb.Split(text, -1) {
		if i := strings.IndexAny(p, ":;,("); i >= 0 {
			p = p[:i]
		}
		if p = strings.TrimSpace(p); strings.Contains(p, " ") {
			pieces = append(pieces, p)
		}
	}
	return pieces
}
