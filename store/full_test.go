package store

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// lines is a log that a test reads.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// count tells how many lines have a text.
func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// TestStoreFull uses up a small quota of etcd: writes say so, reads go on, and
// the log has one line about it, and one when it is over.
func TestStoreFull(t *testing.T) {
	e := &externalEtcd{dir: socketDir(t), args: []string{"--quota-backend-bytes", "1000000"}}
	t.Cleanup(func() { e.stop(t) })
	e.start(t)
	log := &lines{}
	cfg := patient(e.config())
	cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	s, idle := open(t, cfg), open(t, patient(e.config()))
	mustUpdate(t, s, put(account("a")))
	mustUpdate(t, idle, put(account("b")))
	awaitCondition(t, s, nil)
	var before int // lines of an etcd that was slow to be there
	waitUntil(t, "the log says how the store is", func() bool {
		before = log.count("in trouble")
		return before == log.count("well again")
	})
	ctx := within(t, 2*patience)
	for big := strings.Repeat("x", 100_000); ; {
		if _, err := s.link.Client.Put(ctx, "/other", big); errors.Is(err, rpctypes.ErrNoSpace) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		if _, err := s.Update(ctx, put(group("a", "g"))); !errors.Is(err, ErrFull) || !errors.Is(err, ErrUnavailable) {
			t.Fatalf("a write into a full store: %v", err)
		}
	}
	if err := s.PutHost(ctx, HostStatus{Host: "h1"}); !errors.Is(err, ErrFull) {
		t.Errorf("a report into a full store: %v", err)
	}
	awaitCondition(t, s, ErrFull)
	for name, s := range map[string]*Store{"one that wrote": s, "one that did not write": idle} {
		if err := s.Check(ctx); !errors.Is(err, ErrFull) {
			t.Errorf("check by %s: %v", name, err)
		}
		awaitCondition(t, s, ErrFull)
		if read(t, s, func(snap *snapshot) bool { return snap.Account("a") == nil || snap.Account("b") == nil }) {
			t.Errorf("%s does not know the accounts", name)
		}
	}
	for ; log.count("condition=full") == 0; time.Sleep(10 * time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatal("the log does not say that the store is full")
		}
	}
	if _, err := s.link.Client.Delete(ctx, "/other"); err != nil {
		t.Fatal(err)
	}
	compact(t, e.config())
	e.ctl(t, "--endpoints", e.address, "defrag")
	e.ctl(t, "--endpoints", e.address, "alarm", "disarm")
	mustUpdate(t, s, put(group("a", "g")))
	awaitCondition(t, s, nil)
	for idle.Check(ctx) != nil && ctx.Err() == nil {
		time.Sleep(checkReused)
	}
	awaitCondition(t, idle, nil)
	for ; log.count("well again") == before; time.Sleep(10 * time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatal("the log does not say that the store is well again")
		}
	}
	if n := log.count("in trouble") - before; n != 1 {
		t.Errorf("%d lines say that the store is in trouble, want 1:\n%s", n, log.text.String())
	}
}
