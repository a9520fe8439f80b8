package httpapi

import (
	"log/slog"

	"github.com/ringfence/ringfence/httpapi/transport"
)

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
