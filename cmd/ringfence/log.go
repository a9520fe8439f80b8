package main

import (
	"io"
	"log/slog"
)

// logFlags say how much a server tells.
type logFlags struct {
	LogLevel  string `enum:"debug,info,warn,error" default:"info" placeholder:"LEVEL" help:"debug, info, warn or error."`
	LogFormat string `enum:"text,json" default:"text" placeholder:"FORMAT" help:"text or json."`
}

// logger writes to w. The level may be set anew while it is in use.
func (f *logFlags) logger(w io.Writer) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(f.level())
	opts := &slog.HandlerOptions{Level: level}
	if f.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts)), level
	}
	return slog.New(slog.NewTextHandler(w, opts)), level
}

// level is that of the flag: the grammar lets known levels through only.
func (f *logFlags) level() (level slog.Level) {
	_ = level.UnmarshalText([]byte(f.LogLevel))
	return level
}
