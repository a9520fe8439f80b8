package embedded

import (
	"context"
	"log/slog"
	"sync/atomic"

	"go.uber.org/zap/zapcore"
)

// zapToSlog hands the warnings and errors of an embedded etcd to slog, one step
// milder: etcd warns of its own defaults, and calls it an error when it finds
// no storage version yet, at its first start, and when its listeners close.
type zapToSlog struct {
	logger  *slog.Logger
	closing *atomic.Bool
}

// Enabled implements zapcore.Core.
func (z zapToSlog) Enabled(l zapcore.Level) bool { return l >= zapcore.WarnLevel }

// With implements zapcore.Core.
func (z zapToSlog) With(fields []zapcore.Field) zapcore.Core {
	return zapToSlog{z.logger.With(attributes(fields)...), z.closing}
}

// Check implements zapcore.Core.
func (z zapToSlog) Check(e zapcore.Entry, c *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if z.Enabled(e.Level) {
		return c.AddCore(e, z)
	}
	return c
}

// Write implements zapcore.Core.
func (z zapToSlog) Write(e zapcore.Entry, fields []zapcore.Field) error {
	level := slog.LevelDebug
	if e.Level >= zapcore.ErrorLevel && !z.closing.Load() && e.Message != "failed to update storage version" {
		level = slog.LevelWarn
	}
	z.logger.Log(context.Background(), level, "etcd: "+e.Message, attributes(fields)...)
	return nil
}

// Sync implements zapcore.Core.
func (z zapToSlog) Sync() error { return nil }

func attributes(fields []zapcore.Field) []any {
	m := zapcore.NewMapObjectEncoder()
	all := make([]any, 0, len(fields))
	for _, f := range fields {
		f.AddTo(m)
	}
	for k, v := range m.Fields {
		all = append(all, slog.Any(k, v))
	}
	return all
}
