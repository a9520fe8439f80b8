package httpapi

import (
	"bytes"
	"crypto/sha256"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/ringfence/ringfence/httpapi/inspect"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/secgroup"
)

// call is one request being answered.
type call struct {
	api     *API
	echo    echo.Context
	req     *http.Request
	res     *echo.Response
	access  transport.Access // that its route needs
	in      *transport.Input
	id      string // the request's
	who     tokens.Identity
	begun   time.Time
	history int64             // of the store, when the call began
	sum     [sha256.Size]byte // of the body that was read
	hits    *inspect.Hits     // of the rules being listed; nil: not asked for
	stale   *staleness        // of the answer; nil: the store is in contact
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
	// RFC 9110, section 15.5.16.
	if coding := c.req.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return transport.Refuse(http.StatusUnsupportedMediaType, transport.CodeMediaType, "the body must be as it is, without Content-Encoding").With("Accept-Encoding", "identity")
	}
	return nil
}

// answer writes a body that is JSON already.
func (c *call) answer(status int, body []byte) error {
	h := c.res.Header()
	h.Set("Content-Type", "application/json")
	if len(body) > 2048 { // net/http does so of short ones, and sends long ones in chunks
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
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
		body, err := c.markStale(body)
		if err != nil {
			return err
		}
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
