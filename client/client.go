// Package client is a typed Go client of Ringfence's HTTP API. Its types carry
// the JSON of the API one to one; it uses the standard library alone.
//
//	c, err := client.New("http://127.0.0.1:8080", token)
//	group, err := c.CreateGroup(ctx, "acme", client.GroupSpec{Name: "web"})
//	rule, err := c.CreateRule(ctx, "acme", group.ID, client.RuleSpec{…}, client.Wait(10*time.Second))
//
// Every method returns a *Problem when the API refused the request (RFC 9457)
// and a *TransportError when there was no answer to understand.
package client

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultTimeout bounds one request, from dialling to the last byte of the
// answer. The time a request asks the server to wait (Wait) comes on top.
const DefaultTimeout = 30 * time.Second

// Client talks to one API server. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	token   string
	agent   string
	timeout time.Duration
	http    *http.Client
}

// An Option of New.
type Option func(*Client)

// WithTimeout replaces DefaultTimeout. Zero means no limit of its own: the
// context's deadline alone counts.
func WithTimeout(d time.Duration) Option { return func(c *Client) { c.timeout = d } }

// WithHTTPClient makes the requests with h: for TLS settings or test servers.
func WithHTTPClient(h *http.Client) Option { return func(c *Client) { c.http = h } }

// WithUserAgent names the program in the User-Agent header.
func WithUserAgent(name string) Option { return func(c *Client) { c.agent = name } }

// New returns a client of the API at baseURL, which is "http://host:port",
// "https://host:port" or "unix:/path/to/socket". The token may be empty: the
// health checks need none.
func New(baseURL, token string, opts ...Option) (*Client, error) {
	c := &Client{token: token, agent: "ringfence-client", timeout: DefaultTimeout}
	if path, ok := strings.CutPrefix(baseURL, "unix:"); ok {
		c.base = &url.URL{Scheme: "http", Host: "ringfence"}
		c.http = unixHTTPClient(path)
	} else {
		u, err := url.Parse(baseURL)
		if err != nil {
			return nil, fmt.Errorf("client: base URL: %w", err)
		}
		if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
			return nil, fmt.Errorf("client: base URL %q: want http://host:port, https://host:port or unix:/path", baseURL)
		}
		u.Path = strings.TrimSuffix(u.Path, "/")
		c.base, c.http = u, &http.Client{}
	}
	for _, opt := range opts {
		opt(c)
	}
	return c, nil
}

// unixHTTPClient returns an HTTP client whose every connection goes to the
// unix socket at path.
func unixHTTPClient(path string) *http.Client {
	var d net.Dialer
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		},
		IdleConnTimeout: time.Minute,
	}}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// path joins URL path segments, each escaped. The first one is taken as it is.
func path(first string, segments ...string) string {
	var b strings.Builder
	b.WriteString(first)
	for _, s := range segments {
		b.WriteByte('/')
		b.WriteString(url.PathEscape(s))
	}
	return b.String()
}

// account returns the path of something below an account.
func account(id string, segments ...string) string {
	return path("/v1/accounts", append([]string{id}, segments...)...)
}
