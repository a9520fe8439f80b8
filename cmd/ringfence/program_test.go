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

	"github.com/ringfence/ringfence/store/embedded"
)

// program is a server in a process of its own, which ends with the test.
type program struct {
	url   string // of an API
	cmd   *exec.Cmd
	out   *lockedBuffer
	ended chan error
}

// startProgram starts a command with more of an environment than the test has.
func startProgram(t *testing.T, env []string, name string, args ...string) *program {
	t.Helper()
	p := &program{out: &lockedBuffer{}, ended: make(chan error, 1), cmd: exec.Command(name, args...)}
	p.cmd.Stderr, p.cmd.Env = p.out, append(os.Environ(), env...)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() { p.cmd.Process.Kill() })
	return p
}

// startAPIProgram starts an API on an etcd of its own, with testTokens, and waits
// until it listens.
func startAPIProgram(t *testing.T, dir string, env []string, args ...string) *program {
	t.Helper()
	tokens := filepath.Join(dir, "tokens.json")
	if err := os.WriteFile(tokens, testTokens(t), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, env, ringfenceProgram(t), append([]string{"api", "--etcd", startEtcd(t), "--tokens", tokens,
		"--listen", "127.0.0.1:0"}, args...)...)
	p.url = p.says(t, `url=(https?://127\.0\.0\.1:\d+)`)
	return p
}

// startEtcd starts an etcd that ends with the test, and returns its endpoints.
func startEtcd(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "rf") // short: unix sockets have 107 bytes of path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	etcd, err := embedded.Start(t.Context(), dir, embedded.Options{Tick: time.Millisecond, NoSync: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(etcd.Close)
	return strings.Join(etcd.Endpoints(), ",")
}

// says waits until the log has a line like that, and returns what its first
// group stands for.
func (p *program) says(t *testing.T, pattern string) string {
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
func (p *program) stop(t *testing.T) {
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
