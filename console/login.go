package console

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// Login is where people sign in who have no token: an OpenID Connect issuer, by
// authorization code with PKCE. Its ID token is the token of the session.
type Login interface {
	// Name is what people know the issuer by, URL what it calls itself, and
	// SignOutURL where its own session is ended, "" if it does not say.
	Name() string
	URL() string
	SignOutURL() string
	// Begin is where the browser goes, and Redeem makes a token of the code
	// that it comes back with. State, nonce and verifier are of one attempt.
	Begin(ctx context.Context, state, nonce, verifier string) (string, error)
	Redeem(ctx context.Context, code, verifier, nonce string) (token string, err error)
}

const (
	loginPath = "/ui/sign-in"      // where an attempt begins (POST), and a page of the console
	donePath  = "/ui/sign-in/done" // where the issuer sends people back to
)

// attempt is one sign-in under way. It is in a cookie, so that whichever API
// process ends it, and so that it ends in the browser alone in which it began:
// with another's code nobody is signed in as somebody else.
type attempt struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"`
	Then     string `json:"t"` // the page to go to
}

// attemptTime is how long people may take at the issuer's pages.
const attemptTime = 10 * time.Minute

func newAttempt(then string) attempt {
	random := func() string {
		b := make([]byte, 32)
		rand.Read(b)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	return attempt{random(), random(), random(), ownPage(then)}
}

// ownPage is a page of the console: what somebody asks for, if it is one.
func ownPage(page string) string {
	u, err := url.Parse(page)
	if err != nil || u.Scheme != "" || u.Host != "" || len(page) > 1024 || strings.ContainsAny(page, "\\\r\n") {
		return root
	}
	if at := path.Clean(u.Path) + "/"; !strings.HasPrefix(at, root) || strings.HasPrefix(at, loginPath+"/") {
		return root
	}
	return page
}

// begin answers the console's pages with where the browser is to go.
func (c *console) begin(w http.ResponseWriter, r *http.Request) {
	if c.opts.Login == nil {
		refuse(w, r, http.StatusNotFound, "not-found", "nobody signs in by an issuer here")
		return
	}
	var asked struct {
		Then string `json:"then"`
	}
	if err := readJSON(w, r, &asked); err != nil {
		refuse(w, r, http.StatusBadRequest, "malformed-json", err.Error())
		return
	}
	a := newAttempt(asked.Then)
	at, err := c.opts.Login.Begin(r.Context(), a.State, a.Nonce, a.Verifier)
	if err != nil {
		w.Header().Set("Retry-After", "2")
		refuse(w, r, http.StatusServiceUnavailable, "issuer-unavailable", err.Error())
		return
	}
	kept, err := json.Marshal(a)
	if err != nil { // it holds texts alone
		refuse(w, r, http.StatusInternalServerError, "internal-error", "the attempt cannot be kept")
		return
	}
	http.SetCookie(w, attemptCookie(r, kept))
	writeJSON(w, http.StatusOK, "application/json", map[string]string{"location": at})
}

// Why a sign-in by the issuer came to nothing, as the page is told.
const (
	faultAttempt = "attempt" // begun elsewhere, too long ago, or ended already
	faultDenied  = "denied"  // the issuer or the person said no
	faultIssuer  = "issuer"  // the issuer gives no token that could be taken
	faultRefused = "refused" // the API does not take the token
	faultBusy    = "busy"    // the API cannot tell now
	faultSize    = "size"    // the token is too long for a cookie
)

// done ends an attempt: the issuer has sent the browser here. That it is a
// navigation from another site is as it must be; that it is of an attempt of
// this browser, state says.
func (c *console) done(w http.ResponseWriter, r *http.Request) {
	if c.opts.Login == nil || r.Method != http.MethodGet {
		refuse(w, r, http.StatusNotFound, "not-found", "nobody signs in by an issuer here")
		return
	}
	a, ok := attemptOf(r)
	http.SetCookie(w, attemptCookie(r, nil))
	q := r.URL.Query()
	given := func(name string) string { // once, or not at all
		if v := q[name]; len(v) == 1 {
			return v[0]
		}
		return ""
	}
	var fault string
	switch {
	case !ok || subtle.ConstantTimeCompare([]byte(given("state")), []byte(a.State)) != 1:
		fault, a.Then = faultAttempt, ""
	case q.Has("iss") && given("iss") != c.opts.Login.URL(): // RFC 9207
		fault = faultAttempt
	case q.Has("error"):
		fault = faultDenied
	case given("code") == "":
		fault = faultIssuer
	default:
		fault = c.redeem(w, r, given("code"), a)
	}
	at := a.Then
	if fault != "" {
		at = loginPath + "?" + url.Values{"fault": {fault}, "then": {ownPage(a.Then)}}.Encode()
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", at)
	w.WriteHeader(http.StatusSeeOther)
}

// redeem begins the session of who comes with a code, or says what is wrong.
func (c *console) redeem(w http.ResponseWriter, r *http.Request, code string, a attempt) (fault string) {
	token, err := c.opts.Login.Redeem(r.Context(), code, a.Verifier, a.Nonce)
	if err != nil {
		c.log("a sign-in by the OpenID issuer came to nothing", err)
		return faultIssuer
	}
	if len(token) > maxToken {
		return faultSize
	}
	answer := c.whoami(r, token)
	switch answer.status {
	case http.StatusOK:
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return faultBusy
	default:
		return faultRefused
	}
	if who, err := answer.identity(); err != nil || who.Role == roleMetrics {
		return faultRefused
	}
	http.SetCookie(w, cookie(r, token))
	return ""
}

func (c *console) log(what string, err error) {
	if c.opts.Logger != nil {
		c.opts.Logger.Warn(what, "error", err)
	}
}

// attemptCookie keeps an attempt, or ends what keeps one. Unlike the session's it
// is sent along when another site's page, the issuer's, sends the browser here;
// nothing but the end of an attempt looks at it.
func attemptCookie(r *http.Request, kept []byte) *http.Cookie {
	c := &http.Cookie{
		Name: cookieName(r) + "-attempt", Value: base64.RawURLEncoding.EncodeToString(kept), Path: cookiePath(r, donePath),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: underTLS(r), MaxAge: int(attemptTime / time.Second),
	}
	if kept == nil {
		c.MaxAge = -1
	}
	return c
}

func attemptOf(r *http.Request) (a attempt, ok bool) {
	c, err := r.Cookie(cookieName(r) + "-attempt")
	if err != nil {
		return a, false
	}
	kept, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || json.Unmarshal(kept, &a) != nil {
		return a, false
	}
	a.Then = ownPage(a.Then)
	return a, a.State != "" && a.Nonce != "" && a.Verifier != ""
}
