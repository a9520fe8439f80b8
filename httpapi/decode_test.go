package httpapi

import (
	"testing"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/secgroup"
)

// What a request or an operation of a transaction changes is told by its path,
// parameters and body: nothing else of HTTP is needed to decode it.
func TestMutationsAreDecodedWithoutARequest(t *testing.T) {
	t.Parallel()
	decoded := 0
	for _, r := range routes() {
		decode, writes := r.does.(changes)
		if !writes {
			continue
		}
		in := &transport.Input{Account: "acme", Path: r.path, Param: func(name string) string { return "the-" + name }}
		in.Given = func(optional bool) (*strictjson.Node, secgroup.Faults, error) {
			if optional {
				return nil, nil, nil
			}
			return strictjson.Parse([]byte(`{"operations":[{"method":"DELETE","path":"/security-groups/web"}]}`))
		}
		if m, err := decode(in); err != nil || m.Plan == nil {
			t.Errorf("%s %s: %v", r.method, r.path, err)
		}
		decoded++
	}
	if decoded < 25 {
		t.Errorf("%d routes change the policy: looking in the wrong place", decoded)
	}
}
