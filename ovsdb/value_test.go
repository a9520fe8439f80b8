package ovsdb

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"
)

// decodeText decodes JSON as the client does.
func decodeText(t testing.TB, text string) any {
	t.Helper()
	var v any
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

const someUUID = "550e8400-e29b-41d4-a716-446655440000"

var (
	integer   = ColumnType{Key: KindInteger, Min: 1, Max: 1}
	optional  = ColumnType{Key: KindInteger, Max: 1}
	strings3  = ColumnType{Key: KindString, Max: 3}
	refs      = ColumnType{Key: KindUUID, Max: Unlimited}
	textMap   = ColumnType{Key: KindString, Val: KindString, Max: Unlimited}
	intRefs   = ColumnType{Key: KindInteger, Val: KindUUID, Max: Unlimited}
	real1     = ColumnType{Key: KindReal, Min: 1, Max: 1}
	boolean   = ColumnType{Key: KindBoolean, Min: 1, Max: 1}
	typeNames = map[string]ColumnType{"integer": integer, "optional": optional, "strings": strings3, "refs": refs,
		"textMap": textMap, "intRefs": intRefs, "real": real1, "boolean": boolean}
)

// Each value in another form that RFC 7047 §5.1 gives it; written it has the
// canonical one.
func TestDecodeValue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, in, out string }{
		{"integer", `-9223372036854775808`, `-9223372036854775808`},
		{"integer", `["set",[5]]`, `5`},
		{"optional", `["set",[]]`, `["set",[]]`},
		{"optional", `7`, `7`},
		{"strings", `"one"`, `"one"`},
		{"strings", `["set",["b","a","c"]]`, `["set",["a","b","c"]]`},
		{"refs", `["uuid","` + someUUID + `"]`, `["uuid","` + someUUID + `"]`},
		{"refs", `["set",[["uuid","` + someUUID + `"]]]`, `["uuid","` + someUUID + `"]`},
		{"textMap", `["map",[["b","2"],["a","1"]]]`, `["map",[["a","1"],["b","2"]]]`},
		{"textMap", `["map",[]]`, `["map",[]]`},
		{"intRefs", `["map",[[3,["uuid","` + someUUID + `"]]]]`, `["map",[[3,["uuid","` + someUUID + `"]]]]`},
		{"real", `1.5e3`, `1500`},
		{"real", `2`, `2`},
		{"boolean", `true`, `true`},
	} {
		v, err := decodeValue(decodeText(t, c.in), typeNames[c.typ], true)
		if err != nil {
			t.Errorf("%s %s: %v", c.typ, c.in, err)
			continue
		}
		if out, err := json.Marshal(v); err != nil || string(out) != c.out {
			t.Errorf("%s %s written: %s, %v", c.typ, c.in, out, err)
		}
	}
}

func TestDecodeValueRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, in string }{
		{"integer", `"5"`}, {"integer", `5.0`}, {"integer", `1e3`}, {"integer", `9223372036854775808`}, {"integer", `null`},
		{"integer", `["set",[]]`}, {"integer", `["set",[1,2]]`}, {"integer", `true`}, {"integer", `["set",5]`}, {"integer", `["list",[5]]`},
		{"optional", `["set",[1,2]]`}, {"optional", `["map",[[1,2]]]`},
		{"strings", `["set",["a","b","c","d"]]`}, {"strings", `["set",["a","a"]]`}, {"strings", `["set",["a",1]]`}, {"strings", `{}`},
		{"refs", `"` + someUUID + `"`}, {"refs", `["uuid","x"]`}, {"refs", `["uuid","550E8400-e29b-41d4-a716-446655440000"]`},
		{"refs", `["uuid",5]`}, {"refs", `["named-uuid","a"]`}, {"refs", `["uuid","550e8400ee29b-41d4-a716-446655440000"]`},
		{"textMap", `["set",["a"]]`}, {"textMap", `"a"`}, {"textMap", `["map",[["a"]]]`}, {"textMap", `["map",["a","b"]]`},
		{"textMap", `["map",[["a","b"],["a","c"]]]`}, {"textMap", `["map",[["a",1]]]`}, {"textMap", `["map",[[1,"a"]]]`},
		{"real", `1e999`}, {"real", `"x"`}, {"boolean", `1`},
	} {
		if v, err := decodeValue(decodeText(t, c.in), typeNames[c.typ], true); err == nil {
			t.Errorf("%s %s: %+v", c.typ, c.in, v)
		}
	}
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, old, diff, want string }{
		{"integer", `1`, `2`, `2`},
		{"integer", `1`, `1`, `1`}, // of a single value the difference is the value
		{"optional", `["set",[]]`, `1`, `1`},
		{"optional", `1`, `["set",[]]`, `["set",[]]`},
		{"optional", `1`, `2`, `2`},
		{"strings", `"a"`, `"b"`, `["set",["a","b"]]`},
		{"strings", `["set",["a","b"]]`, `"b"`, `"a"`},
		{"strings", `["set",["a","b","c"]]`, `["set",["a","b","c","d"]]`, `"d"`},
		{"textMap", `["map",[["a","1"],["b","2"]]]`, `["map",[["a","1"],["b","3"],["c","4"]]]`, `["map",[["b","3"],["c","4"]]]`},
		{"textMap", `["map",[["a","1"]]]`, `["map",[["a","1"]]]`, `["map",[]]`},
		{"strings", `["set",["a","b","c"]]`, `"d"`, ``}, // a fourth element
		{"integer", `1`, `["set",[]]`, ``},
	} {
		typ := typeNames[c.typ]
		old, err := decodeValue(decodeText(t, c.old), typ, true)
		if err != nil {
			t.Fatal(err)
		}
		diff, err := decodeValue(decodeText(t, c.diff), typ, false)
		if err != nil {
			t.Fatal(err)
		}
		got, err := old.apply(diff, typ)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s %s + %s = %+v", c.typ, c.old, c.diff, got)
			}
			continue
		}
		if out, _ := json.Marshal(got); err != nil || string(out) != c.want {
			t.Errorf("%s %s + %s = %s, %v; want %s", c.typ, c.old, c.diff, out, err, c.want)
		}
	}
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	s := installedSchema(t)
	for _, c := range []struct {
		table, column string
		want          ColumnType
	}{
		{"Bridge", "name", ColumnType{Key: KindString, Min: 1, Max: 1}},
		{"Bridge", "fail_mode", ColumnType{Key: KindString, Max: 1}},
		{"Bridge", "flow_tables", ColumnType{Key: KindInteger, Val: KindUUID, Max: Unlimited}},
		{"Bridge", "_uuid", ColumnType{Key: KindUUID, Min: 1, Max: 1}},
		{"Port", "interfaces", ColumnType{Key: KindUUID, Min: 1, Max: Unlimited}},
		{"Interface", "ingress_policing_rate", integer},
	} {
		if got, err := s.Column(c.table, c.column); err != nil || got != c.want {
			t.Errorf("%s.%s: %+v, %v; want %+v", c.table, c.column, got, err, c.want)
		}
	}
	for name, text := range map[string]string{
		"not JSON":     `x`,
		"no tables":    `{"name":"x","version":"1"}`,
		"unknown type": `{"name":"x","tables":{"T":{"columns":{"c":{"type":"text"}}}}}`,
		"no type":      `{"name":"x","tables":{"T":{"columns":{"c":{}}}}}`,
		"no key":       `{"name":"x","tables":{"T":{"columns":{"c":{"type":{"min":0}}}}}}`,
		"bad max":      `{"name":"x","tables":{"T":{"columns":{"c":{"type":{"key":"string","max":"many"}}}}}}`,
		"max 0":        `{"name":"x","tables":{"T":{"columns":{"c":{"type":{"key":"string","max":0}}}}}}`,
		"min 2":        `{"name":"x","tables":{"T":{"columns":{"c":{"type":{"key":"string","min":2,"max":3}}}}}}`,
		"negative":     `{"name":"x","tables":{"T":{"columns":{"c":{"type":{"key":"string","min":-1}}}}}}`,
	} {
		if s, err := parseSchema([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func installedSchema(t testing.TB) *Schema {
	t.Helper()
	b, err := os.ReadFile("/usr/share/openvswitch/vswitch.ovsschema")
	if err != nil {
		t.Fatal(err)
	}
	s, err := parseSchema(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
