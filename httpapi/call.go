package httpapi

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ringfence/ringfence/httpapi/inspect"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 2 << 20

// call is one request being answered.
type call struct {
	api     *API
	echo    echo.Context
	req     *http.Request
	res     *echo.Response
	route   route
	in      *transport.Input
	id      string // the request's
	who     tokens.Identity
	begun   time.Time
	history int64             // of the store, when the call began
	sum     [sha256.Size]byte // of the body that was read
	hits    *inspect.Hits     // of the rules being listed; nil: not asked for
	stale   *staleness        // of the answer; nil: the store is in contact
}

// handler makes an Echo handler of a route. It is the one place where errors
// are answered.
func (a *API) handler(r route) echo.HandlerFunc {
	return func(ec echo.Context) error {
		c := a.newCall(ec, r)
		defer c.answered(r.path)
		if err := c.serve(); err != nil {
			c.fail(err)
		}
		return nil
	}
}

// answered counts a request, and logs it where that is wanted.
func (c *call) answered(route string) {
	c.api.metrics.observe(c, route)
	c.logAnswer()
}

// logAnswer is a line of the access log: who asked for what, and what came of it.
// It has no body, and of the token its name alone. What a request is about that
// changes something, and what that was, is in the audit log.
func (c *call) logAnswer() {
	if !c.api.accessLog {
		return
	}
	line := []any{
		"request_id", c.id, "method", c.req.Method, "path", c.req.URL.Path, "status", c.res.Status, "bytes", c.res.Size,
		"seconds", c.api.now().Sub(c.begun).Seconds(), "remote", c.req.RemoteAddr,
	}
	if c.req.URL.RawQuery != "" {
		line = append(line, "query", c.req.URL.RawQuery)
	}
	if c.who.Name != "" {
		line = append(line, "token", c.who.Name, "account", c.who.Account)
	}
	if trace, _ := transport.Traced(c.req.Header); trace != "" {
		line = append(line, "trace_id", trace)
	}
	c.api.logger.Log(c.req.Context(), slog.LevelInfo, "request", line...)
}

func (a *API) newCall(ec echo.Context, r route) *call {
	c := &call{api: a, echo: ec, req: ec.Request(), res: ec.Response(), route: r, begun: a.now(), history: a.store.Generation()}
	c.in = &transport.Input{Account: c.param("account"), Path: c.req.URL.EscapedPath(), Parameters: c.req.URL.Query(), Param: c.param, Given: c.body}
	c.id = transport.RequestID(c.req.Header, a.newID)
	h := c.res.Header()
	h.Set("X-Request-Id", c.id)
	h.Set("X-Content-Type-Options", "nosniff")
	return c
}

// serve runs the route's handler. A panic is an error like any other.
func (c *call) serve() error { return c.api.keeper.Run("request "+c.id, c.serveRoute) }

func (c *call) serveRoute() error {
	c.req.Body = http.MaxBytesReader(c.res, c.req.Body, maxBody)
	var err error
	if c.who, err = c.authorize(c.route.access); err != nil {
		return err
	}
	if c.route.access != transport.Open {
		if err := c.api.rates.Admit(c.who.Account, c.begun); err != nil {
			return err
		}
	}
	if err := c.in.CheckParameters(c.route.query); err != nil {
		return err
	}
	if c.route.access != transport.Open && c.route.path != metricsPath && c.route.path != whoamiPath {
		if err := c.inContact(); err != nil {
			return err
		}
	}
	return c.route.does.run(c)
}

// fail answers with an error, and logs what the caller is not told.
func (c *call) fail(err error) {
	p, public := transport.ProblemOf(err)
	if gone := c.req.Context().Err() != nil; !public && !gone { // who asked does not wait any more
		c.api.logger.Error("request failed", "request_id", c.id, "method", c.req.Method, "path", c.req.URL.Path, "error", err)
	}
	if errors.Is(err, store.ErrUnavailable) { // who asked is not told where the store is
		c.api.away.Do(func() {
			c.api.logger.Warn("the store was not there for a request", "request_id", c.id, "method", c.req.Method, "path", c.req.URL.Path, "error", err)
		})
	}
	p.Dependents = c.ownDependents(p.Dependents)
	if !c.res.Committed {
		p.Write(c.res, c.req.URL.Path, c.id)
	}
}

// param returns a path parameter.
func (c *call) param(name string) string {
	v := c.echo.Param(name)
	if c.req.URL.RawPath != "" { // Echo then matches the path as it was escaped
		if plain, err := url.PathUnescape(v); err == nil {
			return plain
		}
	}
	return v
}

// body reads the request's JSON. An optional one that is empty is nil.
func (c *call) body(optional bool) (*strictjson.Node, secgroup.Faults, error) {
	if !optional {
		if err := c.mediaType(); err != nil {
			return nil, nil, err
		}
	}
	raw, err := io.ReadAll(c.req.Body)
	if err != nil {
		return nil, nil, c.bodyError(err)
	}
	if optional {
		if len(bytes.TrimSpace(raw)) == 0 {
			return nil, nil, nil
		}
		if err := c.mediaType(); err != nil {
			return nil, nil, err
		}
	}
	c.sum = sha256.Sum256(raw)
	return strictjson.Parse(raw)
}

// bodyError tells a body that is too large from one that did not arrive.
func (c *call) bodyError(err error) error {
	if p, public := transport.ProblemOf(err); public {
		return p
	}
	return transport.Refuse(http.StatusBadRequest, strictjson.CodeMalformed, "the body did not arrive whole")
}

func (c *call) mediaType() error {
	types := []string{"application/json"}
	if c.req.Method == http.MethodPatch {
		types = append(types, "application/merge-patch+json")
	}
	given, params, err := mime.ParseMediaType(c.req.Header.Get("Content-Type"))
	charset := params["charset"]
	if err != nil || !slices.Contains(types, given) || charset != "" && !strings.EqualFold(charset, "utf-8") {
		p := transport.Refuse(http.StatusUnsupportedMediaType, transport.CodeMediaType, "the body must be "+strings.Join(types, " or "))
		if c.req.Method == http.MethodPatch {
			p = p.With("Accept-Patch", strings.Join(types, ", ")) // RFC 5789, section 2.2
		}
		return p
	}
	return nil
}

// answer writes a body that is JSON already.
func (c *call) answer(status int, body []byte) error {
	h := c.res.Header()
	h.Set("Content-Type", "application/json")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-cache") // keep it, but ask with its ETag before using it
	}
	c.res.WriteHeader(status)
	_, err := c.res.Write(body)
	if err != nil {
		c.api.logger.Debug("answer not delivered", "request_id", c.id, "error", err)
	}
	return nil
}

// json answers with a value.
func (c *call) json(v any) error {
	body, err := strictjson.Encode(v)
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, body)
}

// read answers a GET with a body, or 304 if the caller has it already.
// What is outdated has no tag: it is not to be kept, and nothing may depend on it.
func (c *call) read(tag string, body []byte) error {
	if c.stale != nil {
		body, err := strictjson.WithMembers(body, c.stale)
		if err != nil {
			return err
		}
		c.res.Header().Set("Cache-Control", "no-store")
		return c.answer(http.StatusOK, body)
	}
	tag = transport.ETag(tag, body)
	c.res.Header().Set("ETag", tag)
	if transport.HasTag(c.req.Header.Values("If-None-Match"), tag) {
		c.res.WriteHeader(http.StatusNotModified)
		return nil
	}
	return c.answer(http.StatusOK, body)
}

// authorize finds out who calls and whether they may. It leaves c as it is: an event
// stream looks again, beside who answers the call.
func (c *call) authorize(need transport.Access) (who tokens.Identity, err error) {
	if need == transport.Open {
		return who, nil
	}
	if who, err = transport.Authorize(c.req.Context(), c.api.tokens, c.req.Header.Get("Authorization")); err != nil {
		return tokens.Identity{}, err
	}
	return who, need.Admit(who, c.in.Account)
}
