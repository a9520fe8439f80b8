package audit

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Config bounds the audit log.
type Config struct {
	Keep    time.Duration // how long an entry is kept; 90 days if 0
	Entries int           // kept at most in one account's log; 10,000 if 0
}

// WithDefaults fills in what is not given.
func (c Config) WithDefaults() Config {
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

// Trimmer cuts the audit logs that this process wrote to.
type Trimmer struct {
	cut  func(ctx context.Context, log string) error
	mu   sync.Mutex
	logs map[string]struct{}
	stop context.CancelFunc
	done chan struct{}
}

// NewTrimmer begins to cut, until it is closed.
func NewTrimmer(logger *slog.Logger, cut func(ctx context.Context, log string) error) *Trimmer {
	ctx, cancel := context.WithCancel(context.Background())
	t := &Trimmer{cut: cut, logs: map[string]struct{}{}, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(t.done)
		tick := time.NewTicker(trimEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				t.Run(ctx, logger)
			}
		}
	}()
	return t
}

// Wrote notes that a log may have grown.
func (t *Trimmer) Wrote(log string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.logs[log] = struct{}{}
}

// Run cuts the logs that were written to. Those it cannot cut it tries again.
func (t *Trimmer) Run(ctx context.Context, logger *slog.Logger) {
	t.mu.Lock()
	logs := t.logs
	t.logs = map[string]struct{}{}
	t.mu.Unlock()
	for log := range logs {
		if err := t.cut(ctx, log); err != nil {
			t.Wrote(log)
			logger.Warn("audit log not trimmed", "log", log, "error", err)
		}
	}
}

// Close ends the cutting.
func (t *Trimmer) Close() {
	t.stop()
	<-t.done
}
