package main

import (
	"context"
	"log/slog"
	"strings"
)

// etcdLog narrows a logger to what is worth knowing of an embedded etcd, unless
// debugging: errors, while it is meant to run. etcd warns at each start of what
// is meant so here, and calls its own shutdown an error.
func etcdLog(running context.Context, log *slog.Logger) *slog.Logger {
	if log.Enabled(running, slog.LevelDebug) {
		return log
	}
	return slog.New(etcdHandler{log.Handler(), running})
}

type etcdHandler struct {
	slog.Handler
	running context.Context
}

// Enabled implements slog.Handler.
func (h etcdHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError && h.running.Err() == nil && h.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler. A new etcd fails at first to note the version
// of its storage, and tries again a few seconds later.
func (h etcdHandler) Handle(ctx context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "failed to update storage version") {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h etcdHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return etcdHandler{h.Handler.WithAttrs(attrs), h.running}
}

// WithGroup implements slog.Handler.
func (h etcdHandler) WithGroup(name string) slog.Handler {
	return etcdHandler{h.Handler.WithGroup(name), h.running}
}
