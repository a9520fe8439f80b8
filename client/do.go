package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// maxAnswer bounds what is read of one answer, in bytes. A page of 1000 groups
// with long rule lists stays far below it.
const maxAnswer = 256 << 20

// Do sends one request and decodes the answer's JSON into out, unless out is
// nil. The path starts with "/"; body, unless nil, is sent as JSON. The typed
// methods are made of it; it is public for what has no method yet.
func (c *Client) Do(ctx context.Context, method, path string, body, out any, opts ...CallOption) error {
	return c.do(ctx, method, path, body, out, newCall(opts))
}

func newCall(opts []CallOption) *call {
	cl := &call{header: http.Header{}, query: url.Values{}}
	for _, opt := range opts {
		opt(cl)
	}
	return cl
}

func (c *Client) do(ctx context.Context, method, path string, body, out any, cl *call) error {
	op := method + " " + path
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout+cl.wait)
		defer cancel()
	}
	req, err := c.request(ctx, method, path, body, cl)
	if err != nil {
		return &TransportError{op, err}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return &TransportError{op, err}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return &TransportError{op, err}
	}
	if len(answer) > maxAnswer {
		return &TransportError{op, fmt.Errorf("answer is longer than %d bytes", maxAnswer)}
	}
	if cl.meta != nil {
		cl.meta.record(resp, answer)
	}
	if resp.StatusCode >= 400 {
		return problemOf(resp, answer)
	}
	if out != nil && len(bytes.TrimSpace(answer)) > 0 {
		if err := json.Unmarshal(answer, out); err != nil {
			return &TransportError{op, fmt.Errorf("decode answer: %w", err)}
		}
	}
	return nil
}

func (c *Client) request(ctx context.Context, method, path string, body any, cl *call) (*http.Request, error) {
	target := c.base.String() + path
	if len(cl.query) > 0 {
		target += "?" + cl.query.Encode()
	}
	var payload io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		payload = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, target, payload)
	if err != nil {
		return nil, err
	}
	maps.Copy(req.Header, cl.header)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != nil {
		req.Header.Set("Content-Type", contentType(method))
	}
	req.Header.Set("Accept", "application/json, application/problem+json")
	req.Header.Set("User-Agent", c.agent)
	return req, nil
}

// contentType is that of a request's body: PATCH is a JSON Merge Patch (RFC 7396).
func contentType(method string) string {
	if method == http.MethodPatch {
		return "application/merge-patch+json"
	}
	return "application/json"
}

func (m *Meta) record(resp *http.Response, body []byte) {
	*m = Meta{
		Status:    resp.StatusCode,
		ETag:      resp.Header.Get("ETag"),
		Waited:    resp.Header.Get("Preference-Applied") != "",
		RequestID: resp.Header.Get("X-Request-Id"),
		Raw:       body,
	}
	m.Revision, _ = strconv.ParseInt(resp.Header.Get("SG-Revision"), 10, 64)
	var extra struct {
		Effects     *Effects     `json:"effects"`
		DryRun      bool         `json:"dry_run"`
		Access      *AccessDiff  `json:"access"`
		Connections *Connections `json:"connections_cut"`
		Realization *Realization `json:"realization"`
		Stale       bool         `json:"stale"`
		Seconds     float64      `json:"stale_seconds"`
	}
	if json.Unmarshal(body, &extra) == nil { // not every answer is an object: nothing to record then
		m.Effects, m.Realization = extra.Effects, extra.Realization
		m.Stale, m.Age = extra.Stale, time.Duration(extra.Seconds*float64(time.Second))
		m.DryRun, m.Access, m.Connections = extra.DryRun, extra.Access, extra.Connections
	}
}
