package httpapi

import (
	"context"
	_ "embed"
	"net/http"
	"sync"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/httpapi/transport"
)

// healthz answers that the process serves requests. It looks at nothing else:
// a lost store is no reason to restart an API.
func healthz(c *call) error {
	c.res.Header().Set("Cache-Control", "no-store")
	return c.json(map[string]string{"status": "ok"})
}

// readyTimeout bounds how long readiness waits for the policy to be loaded.
const readyTimeout = 2 * time.Second

// readyz answers whether this process can serve requests of all kinds: the
// policy in memory is the latest, which the store is asked for, the hosts'
// reports come in, and the store takes writes.
func readyz(c *call) error {
	c.res.Header().Set("Cache-Control", "no-store")
	ctx, cancel := context.WithTimeout(c.req.Context(), readyTimeout)
	defer cancel()
	if err := c.api.store.Check(ctx); err != nil {
		return err
	}
	if err := c.inContact(); err != nil {
		return err
	}
	return c.json(map[string]string{"status": "ready"})
}

func serveMetrics(c *call) error {
	promhttp.HandlerFor(c.api.metrics.registry, promhttp.HandlerOpts{}).ServeHTTP(c.res, c.req)
	return nil
}

// callerJSON is who makes a request.
type callerJSON struct {
	Name    string      `json:"name"`
	Account string      `json:"account"` // or AllAccounts
	Role    tokens.Role `json:"role"`
	Version string      `json:"version"` // of the API that answers
}

// whoami tells the caller what its token is good for.
func whoami(c *call) error {
	c.res.Header().Set("Cache-Control", "no-store")
	return c.json(callerJSON{Name: c.who.Name, Account: c.who.Account, Role: c.who.Role, Version: c.api.version})
}

//go:embed openapi.yaml
var openAPIYAML []byte

// openAPIJSON is the API's description as JSON.
var openAPIJSON = sync.OnceValues(func() ([]byte, error) { return yaml.YAMLToJSON(openAPIYAML) })

func openAPI(c *call) error {
	body, err := openAPIJSON()
	if err != nil {
		return err
	}
	tag := transport.ETag("openapi", body)
	c.res.Header().Set("ETag", tag)
	if c.req.Header.Get("If-None-Match") == tag {
		c.res.WriteHeader(http.StatusNotModified)
		return nil
	}
	return c.answer(http.StatusOK, body)
}
