// Package console serves Ringfence's pages for people at /ui/, from the program
// itself, beside the API.
//
// The pages are a client of the public API like any other: they call
// /ui/api/v1/…, which is /v1/… with the caller's token put in, handed to the
// API's own handler in this process. Who may do what, limits of rates and of
// bodies, validation and the audit log are therefore the API's, unchanged, and
// the pages can do nothing that a token's bearer could not do with curl.
//
// # The session
//
// Whoever signs in gives a token of the API. The API says whether it is valid
// (GET /v1/whoami), and the token itself becomes the session: it is kept in a
// cookie that scripts cannot read (HttpOnly), that no other site's pages send
// along (SameSite=Strict), and under TLS over TLS alone (Secure). Its name begins
// with __Host- there: a browser takes such a cookie from this host itself and over
// TLS only, so that neither the network nor a neighbour's subdomain can plant one,
// and have somebody work in another's session unawares. The price of the prefix
// is Path=/: the browser sends it to /v1, too, which takes no notice of cookies.
// Without TLS there is no such prefix, and the cookie goes to /ui/ alone. It ends with the browser, when the person signs out, and at
// once for every API process when the token is revoked, since the API judges
// the token anew with each request.
//
// A session of our own, a random name for what a server remembers or what it
// has signed, was weighed and left: it would have to be kept in the store or
// signed with a key that all API processes share, whoever steals it could use
// it just like the token, and a revoked token would live on in it. So any API
// process behind a balancer serves any request, and there is nothing to keep.
//
// Where the API takes the tokens of an OpenID Connect issuer, people may sign in
// there instead (login.go): the ID token that they come back with is the token,
// and the session ends when it does.
//
// The cookie counts at /ui/ alone: the API takes no notice of cookies, so that
// no page anywhere can have a browser call /v1 in somebody's name. And below
// /ui/ a request counts only if it says with a header of ours that a script of
// these pages made it, which a page of another origin cannot say without being
// asked for CORS, and if the browser does not say that it is from another
// origin. That holds for reads as well: they cost, and streams are held open.
package console

import (
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
)

// Options are how the console is served.
type Options struct {
	Version   string // of the program
	TokenFile string // where whoever may sign in finds a token, "" if that is for the operator to say
	Login     Login  // of people who have no token; nil: there is none
	Logger    *slog.Logger
}

const (
	root        = "/ui/"
	sessionPath = "/ui/session"
	apiPrefix   = "/ui/api"
)

// Handler serves the console below /ui/ and everything else by the API.
func Handler(api http.Handler, opts Options) http.Handler {
	return handler(api, opts, built())
}

// handler serves the pages in files, nil if there are none.
func handler(api http.Handler, opts Options, files fs.FS) http.Handler {
	c := &console{api: api, opts: opts, pages: newPages(files)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == "/ui":
			http.Redirect(w, r, root, http.StatusMovedPermanently)
		case strings.HasPrefix(path, root):
			c.serve(w, r)
		default:
			api.ServeHTTP(w, r)
		}
	})
}

type console struct {
	api   http.Handler
	opts  Options
	pages *pages
}

func (c *console) serve(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	path := r.URL.Path
	toAPI := path == apiPrefix || strings.HasPrefix(path, apiPrefix+"/")
	beginning := path == loginPath && r.Method == http.MethodPost
	if path == donePath {
		c.done(w, r)
		return
	}
	if !toAPI && !beginning && path != sessionPath {
		c.pages.serve(w, r)
		return
	}
	if err := fromOurPages(r); err != nil {
		refuse(w, r, http.StatusForbidden, "cross-site", err.Error())
		return
	}
	switch {
	case toAPI:
		c.forward(w, r)
	case beginning:
		c.begin(w, r)
	default:
		c.session(w, r)
	}
}

// secure says what a browser may do with the answer. The pages load nothing
// from elsewhere, run no script and no style that is not a file of theirs, and
// are in nobody's frame.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "+
		"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // for browsers that do not know frame-ancestors
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
}
