package httpapi

import (
	"slices"
	"strings"

	"github.com/ringfence/ringfence/httpapi/change"
	"github.com/ringfence/ringfence/httpapi/transport"
)

// stepPaths are the resources of an account that a transaction may write.
var stepPaths = []string{"security-groups", "instances", "nics"}

// stepRoute finds the route of an operation, and what decodes it: nil if there is
// none.
func stepRoute(method string, segments []string) (decode change.Decode, query []string, params map[string]string) {
	for _, r := range routes() {
		path, below := strings.CutPrefix(r.path, "/v1/accounts/{account}/")
		parts := strings.Split(path, "/")
		decode, writes := r.does.(changes)
		if !below || !writes || r.access != transport.AccountWrite || r.method != method || len(parts) != len(segments) || !slices.Contains(stepPaths, parts[0]) {
			continue
		}
		params := map[string]string{}
		fits := true
		for i, part := range parts {
			if name, variable := strings.CutPrefix(part, "{"); variable {
				params[strings.TrimSuffix(name, "}")] = segments[i]
			} else {
				fits = fits && part == segments[i]
			}
		}
		if fits {
			return change.Decode(decode), r.query, params
		}
	}
	return nil, nil, nil
}
