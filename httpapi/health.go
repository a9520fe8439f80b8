package httpapi

import (
	"context"
	"time"
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
