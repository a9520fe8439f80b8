package repotest

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

var (
	metricName = regexp.MustCompile(`\bringfence_[a-z0-9_]+`)
	heading    = regexp.MustCompile(`(?m)^## (.+)$`)
)

// What dashboards and alerts ask for is exported by that name, and each alert
// points to a chapter of the runbook and is tried.
func TestMonitoringKnowsTheMetrics(t *testing.T) {
	exported := exportedMetrics(t)
	known := func(where, text string) {
		for _, name := range metricName.FindAllString(text, -1) {
			if !exported(strings.TrimSuffix(name, "_bucket")) {
				t.Errorf("%s: no metric %s is exported", where, name)
			}
		}
	}
	if exported("ringfence_host_mood") || exported("ringfence_controller_panic") {
		t.Error("names that nobody exports are taken to be exported")
	}

	chapters := map[string]bool{}
	for _, h := range heading.FindAllStringSubmatch(readFile(t, "docs/runbook.md"), -1) {
		chapters[strings.ReplaceAll(strings.ToLower(h[1]), " ", "-")] = false
	}
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert       string
				Expr        string
				For         string
				Labels      map[string]string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.UnmarshalWithOptions([]byte(readFile(t, "deploy/monitoring/alerts.yaml")), &rules, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	tried := readFile(t, "deploy/monitoring/alerts_test.yaml")
	for _, r := range rules.Groups[0].Rules {
		known(r.Alert, r.Expr)
		if !regexp.MustCompile(`\balertname: ` + r.Alert + `\b`).MatchString(tried) {
			t.Errorf("%s is not tried in alerts_test.yaml", r.Alert)
		}
		chapter, there := strings.CutPrefix(r.Annotations["runbook"], "docs/runbook.md#")
		if _, written := chapters[chapter]; !there || !written || r.Annotations["summary"] == "" || r.Labels["severity"] == "" {
			t.Errorf("%s has no summary, severity or chapter of the runbook: %+v", r.Alert, r)
		}
		chapters[chapter] = true
	}
	for chapter, used := range chapters {
		if !used {
			t.Errorf("no alert points to the runbook's %q", chapter)
		}
	}
	known("docs/runbook.md", readFile(t, "docs/runbook.md"))

	var dashboard struct {
		Panels []struct {
			Type, Title string
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(readFile(t, "deploy/monitoring/dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("the panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			known(p.Title, target.Expr)
		}
	}
}

// exportedMetrics tells whether the product has a metric of that name: it is
// written out in the code, or made of a prefix and the rest.
func exportedMetrics(t *testing.T) func(name string) bool {
	t.Helper()
	names := map[string]bool{}
	walk(t, func(file string, content []byte) {
		if !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") || !strings.Contains(string(content), "prometheus/client_golang") {
			return
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, content, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		prefix := map[bool]string{true: "ringfence_controller_", false: "ringfence_host_"}[strings.HasPrefix(file, "controller/")]
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				text, _ := strconv.Unquote(l.Value)
				names[text], names[prefix+text] = true, true
			}
			return true
		})
	})
	return func(name string) bool { return names[name] }
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root(t), path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
