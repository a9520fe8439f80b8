package console

import (
	"compress/gzip"
	"io"
	"strings"
	"testing"
)

func TestPages(t *testing.T) {
	t.Parallel()
	h := testConsole(&fakeAPI{})
	for _, c := range []struct{ path, mediaType, cache, begins string }{
		{"/ui/", "text/html; charset=utf-8", "no-store", "<!doctype"},
		{"/ui/index.html", "text/html; charset=utf-8", "no-store", "<!doctype"},
		{"/ui/accounts/acme/nics/web.1", "text/html; charset=utf-8", "no-store", "<!doctype"}, // a page's own address
		{"/ui/../../etc/passwd", "text/html; charset=utf-8", "no-store", "<!doctype"},
		{"/ui/assets/index-1a2b.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable", "console.log"},
		{"/ui/licences.txt", "text/plain; charset=utf-8", "no-cache", "MIT"},
	} {
		a := ask(h, "GET", c.path, "", ourHeader+": -", "Sec-Fetch-Site: none")
		body := text(t, a)
		if a.StatusCode != 200 || a.Header.Get("Content-Type") != c.mediaType || a.Header.Get("Cache-Control") != c.cache || !strings.HasPrefix(body, c.begins) || a.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s: %d %v %.40s", c.path, a.StatusCode, a.Header, body)
		}
		zipped := ask(h, "GET", c.path, "", "Accept-Encoding: br, gzip")
		z, err := gzip.NewReader(zipped.Body)
		if err != nil || zipped.Header.Get("Content-Encoding") != "gzip" || zipped.Header.Get("Vary") != "Accept-Encoding" || zipped.Header.Get("ETag") == a.Header.Get("ETag") {
			t.Fatalf("%s: %v %v", c.path, zipped.Header, err)
		}
		if plain, err := io.ReadAll(z); err != nil || string(plain) != body {
			t.Errorf("%s: %v, another body when compressed", c.path, err)
		}
		if again := ask(h, "GET", c.path, "", "If-None-Match: "+a.Header.Get("ETag")); again.StatusCode != 304 {
			t.Errorf("%s, known: %d", c.path, again.StatusCode)
		}
		if a := ask(h, "HEAD", c.path, ""); a.StatusCode != 200 || text(t, a) != "" {
			t.Errorf("HEAD %s: %d", c.path, a.StatusCode)
		}
	}
	if a := ask(h, "GET", "/ui/assets/index-0000.js", ""); a.StatusCode != 404 || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a file of another version: %d %v", a.StatusCode, a.Header)
	}
	if a := ask(h, "POST", "/ui/", ""); a.StatusCode != 405 || a.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d", a.StatusCode)
	}
}

// Every answer below /ui/ says what a browser may do with it.
func TestHeaders(t *testing.T) {
	t.Parallel()
	h := testConsole(&fakeAPI{})
	cookie := signedIn(t, h, "acme-secret")
	for _, path := range []string{"/ui/", "/ui/assets/index-1a2b.js", "/ui/assets/none.js", "/ui/session", "/ui/api/v1/things", "/ui/api/nothing"} {
		a := ask(h, "GET", path, "", cookie)
		csp := a.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains("; "+csp+";", "; "+want+";") {
				t.Errorf("%s: no %s in %q", path, want, csp)
			}
		}
		for _, bad := range []string{"unsafe", "*", "http"} {
			if strings.Contains(csp, bad) {
				t.Errorf("%s: %q", path, csp)
			}
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
}

// A program that was built without Node says how to get a console.
func TestNoPages(t *testing.T) {
	t.Parallel()
	h := handler(&fakeAPI{}, Options{}, nil)
	for _, path := range []string{"/ui/", "/ui/accounts/acme", "/ui/assets/x.js"} {
		a := ask(h, "GET", path, "")
		if body := text(t, a); a.StatusCode != 404 || !strings.Contains(body, "make build") || strings.Contains(body, "<script") || strings.Contains(body, "style") {
			t.Errorf("%s: %d %s", path, a.StatusCode, body)
		}
	}
}

// What is embedded is a whole console or none: its page asks for nothing that
// the headers forbid, and what it asks for is there.
func TestBuilt(t *testing.T) {
	t.Parallel()
	files := built()
	if files == nil {
		t.Skip("built without the console: no Node when the program was made")
	}
	p := newPages(files)
	index := string(p.files[indexFile].body)
	for _, bad := range []string{"http:", "https:", "style=", "<style", "onload", "<script>"} {
		if strings.Contains(index, bad) {
			t.Errorf("index.html has %s", bad)
		}
	}
	asked := 0
	for _, attribute := range []string{`src="`, `href="`} {
		for part := range strings.SplitSeq(index, attribute) {
			if path, _, _ := strings.Cut(part, `"`); strings.HasPrefix(path, root) {
				asked++
				if p.files[strings.TrimPrefix(path, root)] == nil {
					t.Errorf("index.html asks for %s, which is not there", path)
				}
			}
		}
	}
	if asked == 0 {
		t.Errorf("index.html asks for nothing:\n%s", index)
	}
}
