package httpapi

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// AuditConfig bounds the audit log.
type AuditConfig struct {
	Keep    time.Duration // how long an entry is kept; 90 days if 0
	Entries int           // kept at most in one account's log; 10,000 if 0
}

func (c AuditConfig) withDefaults() AuditConfig {
	if c.Keep <= 0 {
		c.Keep = 90 * 24 * time.Hour
	}
	if c.Entries <= 0 {
		c.Entries = 10_000
	}
	return c
}

// trimEvery is how often logs that grew are cut to their bound.
const trimEvery = time.Minute

// trimmer cuts the audit logs that this process wrote to.
type trimmer struct {
	cut  func(ctx context.Context, log string) error
	mu   sync.Mutex
	logs map[string]struct{}
	stop context.CancelFunc
	done chan struct{}
}

func newTrimmer(logger *slog.Logger, cut func(ctx context.Context, log string) error) *trimmer {
	ctx, cancel := context.WithCancel(context.Background())
	t := &trimmer{cut: cut, logs: map[string]struct{}{}, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(t.done)
		tick := time.NewTicker(trimEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				t.run(ctx, logger)
			}
		}
	}()
	return t
}

// wrote notes that a log may have grown.
func (t *trimmer) wrote(log string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.logs[log] = struct{}{}
}

// run cuts the logs that were written to. Those it cannot cut it tries again.
func (t *trimmer) run(ctx context.Context, logger *slog.Logger) {
	t.mu.Lock()
	logs := t.logs
	t.logs = map[string]struct{}{}
	t.mu.Unlock()
	for log := range logs {
		if err := t.cut(ctx, log); err != nil {
			t.wrote(log)
			logger.Warn("audit log not trimmed", "log", log, "error", err)
		}
	}
}

func (t *trimmer) close() {
	t.stop()
	<-t.done
}
