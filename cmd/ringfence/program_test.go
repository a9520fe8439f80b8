package main

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ringfence/ringfence/store"
)

// apiProgram is "ringfence api" in a process of its own.
type apiProgram struct {
	url   string
	cmd   *exec.Cmd
	out   *lockedBuffer
	ended chan error
}

// startAPIProgram starts an API on an etcd of its own, with testTokens, and waits
// until it listens. It ends with the test.
func startAPIProgram(t *testing.T, dir string, args ...string) *apiProgram {
	t.Helper()
	etcdDir, err := os.MkdirTemp("", "rf") // short: unix sockets have 107 bytes of path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(etcdDir) })
	etcd, err := store.Embedded(t.Context(), etcdDir, store.EmbeddedOptions{Tick: time.Millisecond, NoSync: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(etcd.Close)
	tokens := filepath.Join(dir, "tokens.json")
	if err := os.WriteFile(tokens, testTokens(t), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &apiProgram{out: &lockedBuffer{}, ended: make(chan error, 1)}
	p.cmd = exec.Command(ringfenceProgram(t), append([]string{"api", "--etcd", strings.Join(etcd.Endpoints(), ","), "--tokens", tokens,
		"--listen", "127.0.0.1:0"}, args...)...)
	p.cmd.Stderr = p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() { p.cmd.Process.Kill() })
	p.url = p.says(t, `url=(https?://127\.0\.0\.1:\d+)`)
	return p
}

// says waits until the log has a line like that, and returns what its first
// group stands for.
func (p *apiProgram) says(t *testing.T, pattern string) string {
	t.Helper()
	line := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if m := line.FindStringSubmatch(p.out.String()); m != nil {
			return m[len(m)-1]
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not say %q:\n%s", pattern, p.out)
		}
	}
}

// stop has it end as systemd would.
func (p *apiProgram) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-p.ended:
		if err != nil {
			t.Errorf("SIGTERM: %v\n%s", err, p.out)
		}
	case <-time.After(time.Minute):
		t.Errorf("still running a minute after SIGTERM\n%s", p.out)
	}
}
