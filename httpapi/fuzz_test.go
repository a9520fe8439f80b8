package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

func seeds(f *testing.F) {
	f.Helper()
	for _, body := range []string{
		`{"name":"web","rules":[{"direction":"ingress","protocol":17,"start_port":-1,"remote_cidr":"10.0.0.0/8"}],"tags":{"a":null}}`,
		`{"account":"a","network":"n","mac":"02:00:00:00:00:01","addresses":["10.0.0.1"],"allowed_addresses":["10.0.0.0/8","::1"]}`,
		`{"settings":{"egress_open_guard":"block"},"quotas":{"nics":{"limit":1}}}`, `[1,2,[3]]`, `{"a":1,"a":2}`, `{"a":`, `"\ud800"`,
		`{"addresses":[{"address":"::","protocol":"tcp","port":1e400}]}`, `{"security_groups":["a",{"id":"b"}],"items":[]}`,
	} {
		f.Add([]byte(body))
	}
}

// Whatever a body says, reading it ends in a value or in faults that point
// somewhere; and reading what a merge makes of it too.
func FuzzReadBodies(f *testing.F) {
	seeds(f)
	ref := secgroup.GroupRef{Account: "acme", ID: "g"}
	f.Fuzz(func(t *testing.T, body []byte) {
		n, _, err := strictjson.Parse(body)
		if err != nil {
			return
		}
		r := &strictjson.Reader{}
		shape.ReadGroup(r, n, ref)
		shape.ReadRule(r, n, "", ref, "r", false)
		shape.ReadAccount(r, shape.SettingsInPlace(n), "acme")
		shape.ReadNetwork(r, n, "net")
		shape.ReadNIC(r, n, "nic")
		shape.ReadInstance(r, n, secgroup.InstanceRef{Account: "acme", ID: "i"})
		shape.ReadBaseline(r, n)
		shape.ReadGroupIDs(r, n)
		items, at := shape.ReadArray(r, n, "rules", "items")
		shape.ReadRuleSet(r, items, at, ref)
		for _, fault := range r.Faults {
			if fault.Code == "" || fault.Detail == "" || fault.Pointer != "" && fault.Pointer[0] != '/' {
				t.Errorf("%q: fault %+v", body, fault)
			}
		}
		if len(r.Faults) > 0 {
			out := httptest.NewRecorder()
			p, _ := transport.ProblemOf(r.Faults)
			p.Write(out, "/", "id")
			if title := `"title":"` + http.StatusText(p.Status) + `"`; p.Status != 400 && p.Status != 422 || strings.Contains(out.Body.String(), title) {
				t.Errorf("%q: problem %+v", body, p)
			}
		}
		g := &secgroup.Group{GroupRef: ref, Name: "g", Tags: map[string]string{"a": "b"}}
		strictjson.Edit(shape.WritableGroup(g), n, func(r *strictjson.Reader, n *strictjson.Node) plan.GroupSpec { return shape.ReadGroup(r, n, ref) })
	})
}
