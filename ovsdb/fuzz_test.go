package ovsdb

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"testing"
)

// FuzzValue: what decodes as a value is written and decoded again as the same.
func FuzzValue(f *testing.F) {
	for _, text := range []string{`5`, `["set",[]]`, `["set",["a","b"]]`, `["map",[["a","b"]]]`, `["uuid","` + someUUID + `"]`, `true`, `1.5`, `["map",[[1,["uuid","` + someUUID + `"]]]]`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var in any
		dec := json.NewDecoder(bytes.NewReader([]byte(text)))
		dec.UseNumber()
		if dec.Decode(&in) != nil {
			return
		}
		for name, typ := range typeNames {
			v, err := decodeValue(in, typ, true)
			if err != nil {
				continue
			}
			out, err := json.Marshal(v)
			if err != nil {
				t.Fatalf("%s %s: %v", name, text, err)
			}
			again, err := decodeValue(decodeText(t, string(out)), typ, true)
			if err != nil || !again.Equal(v) {
				t.Errorf("%s %s: %s, %v", name, text, out, err)
			}
			if same, err := v.apply(v, typ); err == nil && typ.Max > 1 && same.Len() != 0 {
				t.Errorf("%s %s: the difference with itself leaves %+v", name, text, same)
			}
		}
	})
}

func FuzzSchema(f *testing.F) {
	f.Add([]byte(`{"name":"x","version":"1","tables":{"T":{"columns":{"c":{"type":{"key":"string","value":"integer","min":0,"max":"unlimited"}},"d":{"type":"uuid"}}}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseSchema(text)
		if err != nil {
			return
		}
		for table, columns := range s.tables {
			for column, typ := range columns {
				v := typ.defaultValue()
				if v.Len() < typ.Min || v.Len() > typ.Max {
					t.Errorf("%s.%s: default %+v of %+v", table, column, v, typ)
				}
			}
		}
	})
}

// FuzzReplica applies two updates and reads the bridge.
func FuzzReplica(f *testing.F) {
	schema := installedSchema(f)
	f.Add([]byte(snapshot), []byte(`{"Interface": {"`+uuidJ+`": {"modify": {"ofport": ["set", []]}}}}`))
	f.Add([]byte(snapshot), []byte(`{"Interface": {"`+uuidI+`": {"delete": null}}}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		r, err := newReplica(schema, bridgeColumns)
		if err != nil {
			t.Fatal(err)
		}
		if r.apply(first) != nil || r.apply(second) != nil {
			return
		}
		s, err := bridgeState(r, "br-int")
		if err == nil && !s.Exists && len(s.Interfaces) > 0 {
			t.Errorf("%+v", s)
		}
	})
}

// FuzzMessages feeds bytes to a session and a monitor.
func FuzzMessages(f *testing.F) {
	schema := installedSchema(f)
	f.Add([]byte(`{"id":"echo","method":"echo","params":[]}{"id":1,"result":[],"error":null}{"id":null,"method":"update3","params":["ringfence","x",{}]}`))
	f.Add([]byte(`{"id":1,"result":[false,"` + noTransaction + `",` + snapshot + `],"error":null}`))
	f.Add([]byte(`{"id":1,"result":[{"count":1},{"rows":[{"name":"x"}]}],"error":null}`))
	f.Fuzz(func(t *testing.T, stream []byte) {
		m := &monitor{changed: make(chan struct{}, 1)}
		ours, theirs := net.Pipe()
		theirs.Close() // nothing can be answered
		s := &session{net: ours, notify: m.notify, waiting: map[uint64]func(reply){}, done: make(chan struct{})}
		defer s.close(errors.New("over"))
		r, err := newReplica(schema, bridgeColumns)
		if err != nil {
			t.Fatal(err)
		}
		ops := []Operation{Mutate("Bridge", anyRow), Select("Bridge", []string{"name"})}
		s.waiting[1] = func(a reply) {
			_ = m.snapshot(r, a)
			if a.err == nil {
				_, _ = decodeResults(a.result, ops, schema)
			}
		}
		dec := json.NewDecoder(bytes.NewReader(stream))
		for {
			var one message
			if dec.Decode(&one) != nil || s.handle(one) != nil {
				return
			}
		}
	})
}
