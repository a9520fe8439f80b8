package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// Nobody writes the page by hand.
func TestThePageIsMadeOfLines(t *testing.T) {
	const top = "../../.."
	want, err := page(os.DirFS(filepath.Join(top, linesDir)))
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(top, pagePath))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what %s makes: make docs", pagePath, linesDir)
	}
}

const header = `{"bench":"run","command":"go run ./x -size S","commit":"0123abc","date":"2026-11-30","load":0.5,"machine":"2 × CPU, Linux 6.1.0"}` + "\n"

// of is a directory with a template and files of runs.
func of(template string, runs map[string]string) fstest.MapFS {
	fs := fstest.MapFS{templateName: {Data: []byte(template)}}
	for name, lines := range runs {
		fs[name+extension] = &fstest.MapFile{Data: []byte(lines)}
	}
	return fs
}

func TestPage(t *testing.T) {
	runs := map[string]string{
		"s": header + `{"figure":"rule","value":0.0025,"min":0.0021,"n":20,"unit":"s","load":1.2}
{"figure":"limit","value":0.001,"min":0.0009,"n":20,"unit":"s"}
{"figure":"big","remote":1000,"value":0.81,"min":0.81,"n":1,"unit":"s"}
{"figure":"big","remote":10000,"value":0.093,"min":0.093,"n":1,"unit":"s"}`,
		"l": header + `{"figure":"rule","value":0.12,"min":0.00095,"n":20,"unit":"s"}
{"figure":"limit","value":0.06,"min":0.0009,"n":20,"unit":"s"}`,
		"path": header + `{"figure":"stream","engine":"none","value":1165.858,"unit":"Mbit/s"}
{"figure":"stream","engine":"ours","value":1112.2,"ratio":0.967,"lost":0,"before":1000.4,"unit":"Mbit/s"}`,
		"p": header + `{"figure":"rule","engine":"a","value":0.01,"unit":"s"}
{"figure":"rule","engine":"b","value":0.3,"unit":"s"}
{"figure":"build","engine":"b","value":3,"unit":"s"}`,
	}
	for template, want := range map[string]string{
		`{{value (runs "s" "l") "rule"}}`:                                   "2.5 ms | 120 ms",
		`{{least (runs "s" "l") "rule"}}`:                                   "2.5 ms (2.1) | 120 ms (950 µs)",
		`{{least (runs "s" "l") "big" "remote=10000"}}`:                     "93 ms | -",
		`{{value (runs "s") "big" "remote=1000"}}`:                          "0.81 s",
		`{{times (runs "s" "l") "rule" "limit"}}`:                           "× 2.50 | × 2.00",
		`{{grown "rule" "l" "s"}}`:                                          "× 48",
		`{{ratio (by "path" "engine" "none" "ours" "theirs") "stream"}}`:    "1,166 | 1,112, × 0.97 | -",
		`{{against (beside (runs "s") (by "p" "engine" "a" "b")) "rule"}}`:  "2.5 ms | 10 ms, × 4.00 | 0.30 s, × 120",
		`{{against (beside (runs "s") (by "p" "engine" "a" "b")) "build"}}`: "- | - | 3 s",
		`{{count "lost" (by "path" "engine" "ours") "stream"}}`:             "0",
		`{{part "before" (by "path" "engine" "ours") "stream"}}`:            "1,000",
		`{{factor "ratio" (by "path" "engine" "ours") "stream"}}`:           "× 0.97",
		`{{range each "path" "engine"}}{{.}};{{end}}`:                       "none;ours;",
		`{{if have "s"}}here{{end}}{{if have "m"}}there{{end}}`:             "here",
		`{{made "s"}}`: "- [s](benchmarks/s.jsonl): `go run ./x -size S`, commit `0123abc`, 2026-11-30; 2 × CPU, Linux 6.1.0; load 0.5 to 1.2",
	} {
		// All that there is is to be shown.
		const rest = `{{$_ := runs "s" "l" "path" "p"}}`
		if got, err := page(of(rest+template, runs)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", template, got, err, want)
		}
	}
}

// What is wrong is named: the file, and what it lacks.
func TestPageRefuses(t *testing.T) {
	figure := `{"figure":"rule","engine":"a","value":1,"unit":"s"}` + "\n"
	for _, c := range []struct{ lines, template, want string }{
		{header + figure, `{{value (runs "m") "rule"}}`, "m.jsonl: file does not exist"},
		{header + figure, `{{value (runs "s") "rul"}}`, `s.jsonl: no such figure: "rul"`},
		{header + figure, `{{value (by "s" "engine" "b") "rule"}}`, `s.jsonl: no such figure: "rule" engine=b`},
		{header + figure + figure, `{{value (runs "s") "rule" "engine=a"}}`, `s.jsonl: several figures are "rule" engine=a`},
		{header + figure, `{{part "bound" (runs "s") "rule"}}`, `s.jsonl: figure "rule" has no number "bound"`},
		{header + figure, `{{times (runs "s") "rule" "limit"}}`, `s.jsonl: no such figure: "limit"`},
		{header + figure, `{{range each "s" "sent"}}{{end}}`, `s.jsonl: no line has "sent"`},
		{header + figure, "no figure", "s.jsonl: the page shows nothing of it"},
		{header + "make: entering\n", `{{made "s"}}`, "s.jsonl:2: invalid character"},
		{figure, `{{made "s"}}`, "s.jsonl:1: the first line does not say what made the file"},
		{strings.Replace(header, "commit", "tag", 1) + figure, `{{made "s"}}`, `s.jsonl:1: what made the file has no "commit"`},
		{"", `{{made "s"}}`, "s.jsonl:1: "},
	} {
		_, err := page(of(c.template, map[string]string{"s": c.lines}))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %q: %v, want %q", c.template, c.lines, err, c.want)
		}
	}
}

func TestHuman(t *testing.T) {
	for _, c := range []struct {
		value float64
		unit  string
		want  string
	}{
		{0.000833, "s", "833 µs"}, {0.002505, "s", "2.5 ms"}, {0.1347, "s", "135 ms"}, {0.8058, "s", "0.81 s"}, {12.3, "s", "12 s"}, {1.234, "ms", "1.2 ms"}, {71.2, "µs", "71 µs"},
		{156.9, "MB", "157 MB"}, {40223, "flows", "40,223"}, {1234567, "", "1,234,567"}, {999.6, "", "1,000"}, {3.1, "", "3.1"}, {3, "", "3"}, {9.96, "", "10"}, {0.393, "", "0.39"}, {0.0015, "", "0.002"}, {0, "", "0"}, {-1234, "", "-1,234"},
	} {
		if got := human(c.value, c.unit); got != c.want {
			t.Errorf("%v %s: %q, want %q", c.value, c.unit, got, c.want)
		}
	}
}
