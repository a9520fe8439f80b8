package console

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
)

// maxToken is the length of a token that fits into a cookie, of which browsers
// keep 4,096 bytes.
const maxToken = 2900

// roleMetrics is the role that may look at nothing that pages show.
const roleMetrics = "metrics"

// identity is who is signed in, as the API says.
type identity struct {
	Name    string `json:"name"`
	Account string `json:"account"`
	Role    string `json:"role"`
}

// sessionJSON is what the pages are told of the session.
type sessionJSON struct {
	Identity *identity `json:"identity"` // null: nobody is signed in
	SignIn   signIn    `json:"sign_in"`
	Version  string    `json:"version"`
}

// signIn is how one comes by a token.
type signIn struct {
	TokenFile *string     `json:"token_file"` // on the machine that serves the pages
	Issuer    *issuerJSON `json:"issuer"`     // null: a token is all there is
}

// issuerJSON is an OpenID Connect issuer at which people sign in.
type issuerJSON struct {
	Name    string  `json:"name"`
	SignOut *string `json:"sign_out"` // where its own session is ended
}

// session answers who is signed in, signs in and signs out.
func (c *console) session(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		token := tokenOf(r)
		if token == "" {
			c.tell(w, nil)
			return
		}
		// A token that is not valid any more is nobody's.
		if who, ok := c.identify(w, r, token, http.StatusUnauthorized); ok {
			c.tell(w, who)
		}
	case http.MethodPost:
		token, err := givenToken(w, r)
		if err != nil {
			refuse(w, r, http.StatusBadRequest, "bad-token", err.Error())
			return
		}
		if who, ok := c.identify(w, r, token, 0); ok {
			if who.Role == roleMetrics {
				refuse(w, r, http.StatusForbidden, "forbidden", "a token for metrics reads the metrics alone: it has no page to look at")
				return
			}
			http.SetCookie(w, cookie(r, token))
			c.tell(w, who)
		}
	case http.MethodDelete:
		http.SetCookie(w, cookie(r, ""))
		w.Header().Set("Clear-Site-Data", `"cache"`)
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "GET, POST, DELETE")
		refuse(w, r, http.StatusMethodNotAllowed, "method-not-allowed", "the session is read, begun by POST, and ended by DELETE")
	}
}

func (c *console) tell(w http.ResponseWriter, who *identity) {
	out := sessionJSON{Identity: who, Version: c.opts.Version}
	if c.opts.TokenFile != "" {
		out.SignIn.TokenFile = &c.opts.TokenFile
	}
	if l := c.opts.Login; l != nil {
		out.SignIn.Issuer = &issuerJSON{Name: l.Name()}
		if at := l.SignOutURL(); at != "" {
			out.SignIn.Issuer.SignOut = &at
		}
	}
	writeJSON(w, http.StatusOK, "application/json", out)
}

// identify asks the API whose a token is. If the API does not say, its own
// answer is given, unless its status is the one that means nobody.
func (c *console) identify(w http.ResponseWriter, r *http.Request, token string, nobody int) (who *identity, ok bool) {
	answer := c.whoami(r, token)
	switch answer.status {
	case http.StatusOK:
	case nobody:
		return nil, true
	default:
		answer.copyTo(w)
		return nil, false
	}
	who, err := answer.identity()
	if err != nil {
		refuse(w, r, http.StatusInternalServerError, "internal-error", err.Error())
		return nil, false
	}
	return who, true
}

// whoami is the API's answer to whose a token is.
func (c *console) whoami(r *http.Request, token string) *answer {
	q := r.Clone(r.Context())
	q.Method, q.Body, q.ContentLength = http.MethodGet, http.NoBody, 0
	q.Header = http.Header{"Authorization": {"Bearer " + token}}
	q.URL.RawQuery = ""
	readdress(q, "/v1/whoami", "")
	answer := &answer{header: http.Header{}, status: http.StatusOK}
	c.api.ServeHTTP(answer, q)
	return answer
}

// identity reads who the API says it is.
func (a *answer) identity() (*identity, error) {
	who := &identity{}
	if err := json.Unmarshal(a.body.Bytes(), who); err != nil {
		return nil, errors.New("the API does not say whose the token is")
	}
	return who, nil
}

// answer is an answer of the API that is looked at before it is given.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

func (a *answer) copyTo(w http.ResponseWriter) {
	for _, name := range []string{"Content-Type", "Retry-After", "X-Request-Id"} {
		if v := a.header.Get(name); v != "" {
			w.Header().Set(name, v)
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes()) // who does not wait for it is not told
}

// givenToken reads the body of a sign-in, {"token": "…"}.
func givenToken(w http.ResponseWriter, r *http.Request) (string, error) {
	var given struct {
		Token string `json:"token"`
	}
	if err := readJSON(w, r, &given); err != nil {
		return "", err
	}
	token := strings.TrimSpace(given.Token)
	switch {
	case token == "":
		return "", errors.New("a token is needed")
	case len(token) > maxToken:
		return "", errors.New("the token is too long")
	case strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", errors.New("a token is one word of ASCII")
	}
	return token, nil
}

// readJSON reads a small body of the pages.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return errors.New("the body must be application/json")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4*maxToken))
	if err != nil {
		return errors.New("the body is too long")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return errors.New("the body is not as the pages write it")
	}
	return nil
}

// cookie holds a token, or ends what holds one.
func cookie(r *http.Request, token string) *http.Cookie {
	c := &http.Cookie{
		Name: cookieName(r), Value: base64.RawURLEncoding.EncodeToString([]byte(token)),
		Path: cookiePath(r, root), HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: underTLS(r),
	}
	if token == "" {
		c.MaxAge = -1
	}
	return c
}

// cookieName is, under TLS, one that a browser takes from this host itself and
// over TLS alone: not from a subdomain beside it, nor from its parent.
func cookieName(r *http.Request) string {
	if underTLS(r) {
		return "__Host-ringfence"
	}
	return "ringfence"
}

// cookiePath is where a browser sends a cookie that is needed at a path: the
// prefix of its name under TLS asks for everywhere.
func cookiePath(r *http.Request, needed string) string {
	if underTLS(r) {
		return "/"
	}
	return needed
}

// underTLS reports whether the browser came by TLS, which a proxy may have
// ended. Who lies about it, lies about their own cookie.
func underTLS(r *http.Request) bool {
	return r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// tokenOf is the token of the session, "" if there is none.
func tokenOf(r *http.Request) string {
	c, err := r.Cookie(cookieName(r))
	if err != nil {
		return ""
	}
	token, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil {
		return ""
	}
	return string(token)
}
