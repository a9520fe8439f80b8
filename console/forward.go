package console

import (
	"net/http"
	"strings"
)

// forward hands a request of the pages to the API, with the session's token. A
// token that the request brings by itself does not count.
func (c *console) forward(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, apiPrefix)
	raw, same := strings.CutPrefix(r.URL.RawPath, apiPrefix)
	if !strings.HasPrefix(path, "/v1/") || r.URL.RawPath != "" && !same {
		refuse(w, r, http.StatusNotFound, "not-found", "only the API's /v1/ is here")
		return
	}
	q := r.Clone(r.Context())
	readdress(q, path, raw)
	q.Header.Del("Cookie")
	q.Header.Del("Authorization")
	if token := tokenOf(r); token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	c.api.ServeHTTP(&forwarded{ResponseWriter: w}, q)
}

// readdress gives a request another path; raw is as in url.URL.
func readdress(r *http.Request, path, raw string) {
	r.URL.Path, r.URL.RawPath = path, raw
	r.RequestURI = r.URL.RequestURI()
}

// forwarded is where the API writes an answer for the pages. What one person may
// see is kept by no cache, for the next one may sign in at the same browser.
type forwarded struct {
	http.ResponseWriter
	begun bool
}

func (f *forwarded) WriteHeader(status int) {
	if !f.begun {
		f.begun = true
		h := f.Header()
		h.Set("Cache-Control", "no-store")
		if at := h.Get("Location"); strings.HasPrefix(at, "/v1/") {
			h.Set("Location", apiPrefix+at)
		}
	}
	f.ResponseWriter.WriteHeader(status)
}

func (f *forwarded) Write(b []byte) (int, error) {
	if !f.begun {
		f.WriteHeader(http.StatusOK)
	}
	return f.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController flush streams and set deadlines.
func (f *forwarded) Unwrap() http.ResponseWriter { return f.ResponseWriter }
