package service

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// listen is systemd's end: a datagram socket, and what comes there.
func listen(t *testing.T) <-chan string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("NOTIFY_SOCKET", path)
	told := make(chan string, 1000)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for buffer := make([]byte, 4096); ; {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			told <- string(buffer[:n])
		}
	}()
	t.Cleanup(func() { conn.Close(); <-ended })
	return told
}

// next waits for something to be told that begins so, and skips the rest.
func next(t *testing.T, told <-chan string, prefix string) string {
	t.Helper()
	deadline := time.After(time.Minute)
	for {
		select {
		case got := <-told:
			if strings.HasPrefix(got, prefix) {
				return got
			}
		case <-deadline:
			t.Fatalf("systemd was not told %s…", prefix)
		}
	}
}

func TestWhatSystemdIsTold(t *testing.T) {
	told := listen(t)
	m := New(slog.New(slog.DiscardHandler))
	m.Started("well")
	m.Reloading()
	m.Reloaded()
	m.Stopping()
	for _, want := range []string{"READY=1\nSTATUS=well", "RELOADING=1\nMONOTONIC_USEC=", "READY=1", "STOPPING=1"} {
		if got := <-told; !strings.HasPrefix(got, want) {
			t.Errorf("told %q, want %q", got, want)
		} else if strings.HasSuffix(want, "USEC=") {
			if n, err := strconv.Atoi(strings.TrimPrefix(got, want)); err != nil || n <= 0 {
				t.Errorf("told %q: no time", got)
			}
		}
	}
}

// The line is told when it changes, and not again.
func TestStatus(t *testing.T) {
	told := listen(t)
	var line atomic.Value
	line.Store("one")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		New(slog.New(slog.DiscardHandler)).Run(ctx, func() string { return line.Load().(string) }, nil)
	}()
	if got := <-told; got != "STATUS=one" {
		t.Errorf("told %q", got)
	}
	line.Store("two")
	if got := <-told; got != "STATUS=two" {
		t.Errorf("told %q", got)
	}
	cancel()
	<-ended
}

// The watchdog hears of a process that is alive, not of one that says it is not,
// and not of one that does not answer.
func TestWatchdog(t *testing.T) {
	told := listen(t)
	t.Setenv("WATCHDOG_USEC", "30000")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	asked := make(chan struct{}, 1000)
	answer := make(chan error)
	alive := func(ctx context.Context) error {
		asked <- struct{}{}
		select {
		case err := <-answer:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	go New(slog.New(slog.DiscardHandler)).Run(ctx, func() string { return "" }, alive)
	<-asked
	answer <- nil
	next(t, told, "WATCHDOG=1")
	<-asked
	answer <- errors.New("stuck")
	<-asked // it is asked again, and now it does not answer
	select {
	case got := <-told:
		t.Errorf("told %q of a process that is not alive", got)
	case <-time.After(100 * time.Millisecond):
	}
	answer <- nil
	next(t, told, "WATCHDOG=1")
}

// A watchdog that is meant for another process is none of ours, and without
// systemd nothing is told.
func TestWithoutSystemd(t *testing.T) {
	told := listen(t)
	t.Setenv("WATCHDOG_USEC", "1000")
	t.Setenv("WATCHDOG_PID", "1")
	if m := New(slog.New(slog.DiscardHandler)); m.watchdog != 0 {
		t.Errorf("a watchdog of %v", m.watchdog)
	}
	t.Setenv("NOTIFY_SOCKET", "")
	New(slog.New(slog.DiscardHandler)).Started("well")
	select {
	case got := <-told:
		t.Errorf("told %q", got)
	default:
	}
}
