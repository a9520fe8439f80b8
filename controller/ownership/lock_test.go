package ownership

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestLockMadeAnew keeps the bridge although the lock's directory is made anew,
// and gives up if somebody else was faster.
func TestLockMadeAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "br-int.ringfence.lock")
	open := func() *Lock { return &Lock{path: path} }
	try := func(l *Lock) bool {
		t.Helper()
		ok, err := l.tryLock("h")
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	first := open()
	if !try(first) || try(open()) {
		t.Fatal("not one lock for one")
	}
	ctx, cancel := context.WithCancel(t.Context())
	lost := make(chan error, 1)
	go func() { lost <- first.Watch(ctx, "h") }()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the lock is not made anew")
		}
	}
	for end := time.Now().Add(2 * time.Minute); open().holder() == ""; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody holds the lock")
		}
	}
	if try(open()) {
		t.Error("the lock was made anew, and another one gets it")
	}
	cancel()
	if err := <-lost; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	faster := open()
	if !try(faster) {
		t.Fatal("the new lock is taken")
	}
	defer faster.Release()
	if err := first.Watch(t.Context(), "h"); !errors.Is(err, ErrLost) {
		t.Errorf("%v, want ErrLost", err)
	}
	first.Release()
}
