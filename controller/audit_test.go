package controller

import (
	"errors"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/controller/whole"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// TestAuditFinds: whatever differs from what should be there is found, but for
// what was sent while it was read, be it before or after it was compared, what is to be sent
// yet, and what the switch refuses.
func TestAuditFinds(t *testing.T) {
	t.Parallel()
	cfg, err := Config{Share: whole.New(newGiven(nil), hostName), Judge: whole.New(newGiven(nil), hostName), Reports: &board{}, Host: hostName, Bridge: bridge, OVSDB: "unix:/nowhere/db.sock"}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	compiled := func() (*engine, []openflow.Flow) {
		e := newEngine(newController(cfg))
		s := secgroup.NewSnapshot()
		s, _ = s.With(1, append(small.New().Base(), secgroup.Put(small.NIC(1))))
		e.tables.desired.compiler.Reset(span.Span(s, hostName, slices.Values([]string{"a1"})), ofrules.Host{Ports: map[string]ofrules.Port{"a1": {OFPort: 1, Zone: 1}}})
		e.tables.known = true
		return e, e.tables.desired.compiler.Flows()
	}
	changed := func(f openflow.Flow) openflow.Flow { f.Cookie++; return f }
	foreign := openflow.Flow{Table: ofrules.TableIngressAny, Priority: 9, Cookie: 0x17}
	for _, c := range []struct {
		name    string
		read    func(flows []openflow.Flow) []openflow.Flow
		touched func(flows []openflow.Flow) []openflow.Flow
		put     int
		delete  int
	}{
		{name: "all is right"},
		{name: "one is missing", read: func(f []openflow.Flow) []openflow.Flow { return f[1:] }, put: 1},
		{name: "one is too many", read: func(f []openflow.Flow) []openflow.Flow { return append(f, foreign) }, delete: 1},
		{name: "one is another", read: func(f []openflow.Flow) []openflow.Flow { f[3] = changed(f[3]); return f }, put: 1},
		{name: "one instead of another", read: func(f []openflow.Flow) []openflow.Flow { f[3] = foreign; return f }, put: 1, delete: 1},
		{name: "one is missing that was just sent", read: func(f []openflow.Flow) []openflow.Flow { return f[1:] },
			touched: func(f []openflow.Flow) []openflow.Flow { return f[:1] }},
		{name: "one is there that was just deleted", read: func(f []openflow.Flow) []openflow.Flow { return append(f, foreign) },
			touched: func([]openflow.Flow) []openflow.Flow { return []openflow.Flow{foreign} }},
		{name: "another is missing than was just sent", read: func(f []openflow.Flow) []openflow.Flow { return f[1:] },
			touched: func(f []openflow.Flow) []openflow.Flow { return f[5:9] }, put: 1},
	} {
		for _, late := range []bool{false, true} {
			e, flows := compiled()
			read := slices.Clone(flows)
			if c.read != nil {
				read = c.read(read)
			}
			touch := func(now bool) {
				if c.touched != nil && now {
					for _, f := range c.touched(flows) {
						e.audit.touched[f.Key()] = struct{}{}
					}
				}
			}
			e.audit.touched = map[openflow.FlowKey]struct{}{}
			touch(!late)
			e.audited(auditPart{flows: read[:4]})
			e.audited(auditPart{flows: read[4:]})
			touch(late)
			e.audited(auditPart{end: true})
			if found := e.audit.repair; len(found.Put) != c.put || len(found.Delete) != c.delete {
				t.Errorf("%s (late: %t): %+v", c.name, late, found)
			}
			if err := e.ctl.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	e, flows := compiled()
	e.audit.touched = map[openflow.FlowKey]struct{}{}
	e.tables.install.note(flows[0], errors.New("no room"))
	e.audited(auditPart{flows: flows[1:]})
	e.audited(auditPart{end: true})
	if !e.audit.repair.Empty() {
		t.Errorf("a refused flow is found: %+v", e.audit.repair)
	}
	e, flows = compiled()
	e.audit.touched = map[openflow.FlowKey]struct{}{}
	e.tables.pending = ofrules.Delta{Put: flows[:1]}
	e.audited(auditPart{flows: flows[1:]})
	e.audited(auditPart{end: true})
	if !e.audit.repair.Empty() {
		t.Errorf("a flow that is to be sent yet is found: %+v", e.audit.repair)
	}
}
