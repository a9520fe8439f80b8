package session

import (
	"net/http"
	"path"
	"slices"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
)

// neverStale are the last parts of the paths of reads that the API does not answer
// from memory: the store or hosts have to be asked.
var neverStale = []string{"realization", "audit", "events", "flows", "connections", "drops", "whoami", "openapi.json", "healthz", "readyz", "metrics"}

// staleReads asks for what the API knew last, should the store be lost, in all
// reads that can be answered so.
type staleReads struct{ http.RoundTripper }

func (s staleReads) RoundTrip(r *http.Request) (*http.Response, error) {
	dir, last := path.Split(r.URL.Path)
	if r.Method == http.MethodGet && !slices.Contains(neverStale, last) && path.Base(dir) != "traces" {
		r = r.Clone(r.Context())
		q := r.URL.Query()
		q.Set("stale", "allow")
		r.URL.RawQuery = q.Encode()
	}
	return s.RoundTripper.RoundTrip(r)
}

// TellStale says before a table that it is outdated. The API's JSON says so itself.
func TellStale(p *output.Printer, meta client.Meta) { p.Outdated(meta.Stale, meta.Age) }
