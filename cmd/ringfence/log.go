package main

import (
	"context"
	"io"
	"log/slog"
)

// logFlags say how much a server tells.
type logFlags struct {
	LogLevel  string `enum:"debug,info,warn,error" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error."`
	LogFormat string `enum:"text,json" default:"text" placeholder:"FORMAT" help:"text or json."`
}

// logger writes to w.
func (f *logFlags) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(f.LogLevel)) // the grammar lets known levels through only
	opts := &slog.HandlerOptions{Level: level}
	if f.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// while narrows a logger: nothing below min, unless debugging, and nothing once
// ctx has ended. Embedded etcd warns of what is meant so at each start, and
// calls its own shutdown an error.
func while(ctx context.Context, log *slog.Logger, minimum slog.Level) *slog.Logger {
	return slog.New(whileHandler{log.Handler(), ctx, minimum})
}

type whileHandler struct {
	slog.Handler
	running context.Context
	minimum slog.Level
}

func (h whileHandler) Enabled(ctx context.Context, level slog.Level) bool {
	if h.Handler.Enabled(ctx, slog.LevelDebug) {
		return true
	}
	return level >= h.minimum && h.running.Err() == nil && h.Handler.Enabled(ctx, level)
}

func (h whileHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return whileHandler{h.Handler.WithAttrs(attrs), h.running, h.minimum}
}

func (h whileHandler) WithGroup(name string) slog.Handler {
	return whileHandler{h.Handler.WithGroup(name), h.running, h.minimum}
}
