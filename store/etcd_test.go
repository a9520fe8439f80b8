package store

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ringfence/ringfence/internal/stack"
	"github.com/ringfence/ringfence/internal/turn"
	"github.com/ringfence/ringfence/store/embedded"
)

func TestMain(m *testing.M) {
	turn.Take()
	goleak.VerifyTestMain(m)
}

// testEtcd is an etcd of a test: one embedded, or the etcd of PATH, which is
// Debian's 3.4 where the tests run. Both keep their data over stop and start.
type testEtcd interface {
	config() Config
	start(t *testing.T)
	stop(t *testing.T) // without warning, where that can be
	wipe(t *testing.T) // the data of a stopped one
	// save makes a backup; restore has it in place of the data of a stopped
	// one, as the same cluster or as another.
	save(t *testing.T)
	restore(t *testing.T, another bool)
}

// withEtcd runs a test against each kind of etcd, beside other tests, for each has an
// etcd of its own; in short, which is how the race detector is run, only against that
// of a process of its own, in which the race detector is not.
func withEtcd(t *testing.T, test func(t *testing.T, e testEtcd)) {
	t.Helper()
	t.Parallel()
	kinds := map[string]func(dir string) testEtcd{
		"embedded": func(dir string) testEtcd { return &embeddedEtcd{dir: dir} },
		"external": func(dir string) testEtcd { return &externalEtcd{dir: dir} },
	}
	if testing.Short() {
		delete(kinds, "embedded")
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := kind(socketDir(t))
			t.Cleanup(func() { e.stop(t) })
			e.start(t)
			test(t, e)
		})
	}
}

// repeats is how often a test does something: fewer times in short, for the race detector
// finds no more by repetitions, and makes each of them several times as dear.
func repeats(full, short int) int {
	if testing.Short() {
		return short
	}
	return full
}

// socketDir is a temporary directory whose path is short enough for a socket.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// patience is how long what comes true may take, on a machine that is very busy.
const patience = 2 * time.Minute

func testConfig(c Config) Config {
	c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	c.ProbeInterval, c.ProbeTimeout, c.RequestTimeout = 300*time.Millisecond, 20*time.Second, patience
	return c
}

// hasty has an etcd that does not answer be taken for lost soon, as it is by default.
func hasty(c Config) Config {
	c.ProbeTimeout = 0
	return c
}

// patient has probes and requests wait for an etcd that is slow: for tests in which
// one that is lost says so, for its connections break.
func patient(c Config) Config {
	c.ProbeTimeout, c.RequestTimeout = patience, patience
	return c
}

type embeddedEtcd struct {
	dir    string
	server *embedded.Server
}

func (e *embeddedEtcd) start(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	s, err := embedded.Start(ctx, e.dir, embedded.Options{NoSync: true, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	e.server = s
}

func (e *embeddedEtcd) stop(*testing.T) {
	if e.server != nil {
		e.server.Close()
		e.server = nil
	}
}

func (e *embeddedEtcd) wipe(t *testing.T) {
	t.Helper()
	wipe(t, e.dir)
}

func wipe(t *testing.T, dir string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}
}

// save copies the data, as a snapshot of the disk does.
func (e *embeddedEtcd) save(t *testing.T) {
	t.Helper()
	e.stop(t)
	e.copy(t, "data", "saved")
	e.start(t)
}

func (e *embeddedEtcd) restore(t *testing.T, another bool) {
	t.Helper()
	if another {
		t.Skip("a copy of the data is always the same cluster")
	}
	e.copy(t, "saved", "data")
}

func (e *embeddedEtcd) copy(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(e.dir, to)); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(e.dir, to), os.DirFS(filepath.Join(e.dir, from))); err != nil {
		t.Fatal(err)
	}
}

func (e *embeddedEtcd) config() Config { return testConfig(e.server.Config()) }

type externalEtcd struct {
	dir     string
	process *stack.Process
	address string   // the same over restarts
	scheme  string   // http unless told otherwise
	args    []string // more of them
}

func (e *externalEtcd) start(t *testing.T) {
	t.Helper()
	if e.address == "" {
		e.address = freeAddress()
	}
	url, peer := cmp.Or(e.scheme, "http")+"://"+e.address, "http://"+freeAddress()
	// What it has written outlives its process without a sync of the disk.
	e.process = startEtcd(t, filepath.Join(e.dir, "log"), append([]string{"--data-dir", filepath.Join(e.dir, "data"), "--unsafe-no-fsync",
		"--listen-client-urls", url, "--advertise-client-urls", url,
		"--listen-peer-urls", peer,
		"--initial-advertise-peer-urls", "http://127.0.0.1:2380", "--initial-cluster", "default=http://127.0.0.1:2380",
		"--heartbeat-interval", "20", "--election-timeout", "200", "--enable-grpc-gateway=false"}, e.args...)...)
	awaitListener(t, e.address, e.process)
}

// startEtcd starts the etcd of PATH, which does not outlive the test's process,
// however that ends.
func startEtcd(t *testing.T, log string, args ...string) *stack.Process {
	t.Helper()
	p, err := stack.StartProcess("etcd", log, stack.EtcdServer, args...)
	if err != nil {
		t.Fatalf("%v (install etcd-server)", err)
	}
	return p
}

// awaitListener waits until a process listens.
func awaitListener(t *testing.T, address string, p *stack.Process) {
	t.Helper()
	for ctx := within(t, patience); p.Running() && ctx.Err() == nil; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return
		}
	}
	t.Fatalf("etcd does not listen at %s:\n%s", address, p.Log())
}

func (e *externalEtcd) stop(t *testing.T) {
	t.Helper()
	if e.process != nil {
		if err := e.process.Kill(); err != nil {
			t.Error(err)
		}
		e.process = nil
	}
}

func (e *externalEtcd) wipe(t *testing.T) {
	t.Helper()
	wipe(t, e.dir)
}

// save and restore do as etcd's manual has it.
func (e *externalEtcd) save(t *testing.T) {
	t.Helper()
	e.ctl(t, "--endpoints", e.address, "snapshot", "save", filepath.Join(e.dir, "saved"))
}

func (e *externalEtcd) restore(t *testing.T, another bool) {
	t.Helper()
	e.wipe(t)
	token := "etcd-cluster" // etcd's default
	if another {
		token = "another"
	}
	etcdutl(t, "snapshot", "restore", filepath.Join(e.dir, "saved"), "--data-dir", filepath.Join(e.dir, "data"), "--name", "default",
		"--initial-cluster", "default=http://127.0.0.1:2380", "--initial-advertise-peer-urls", "http://127.0.0.1:2380", "--initial-cluster-token", token)
}

func (e *externalEtcd) ctl(t *testing.T, args ...string) {
	t.Helper()
	etcdTool(t, "etcdctl", args...)
}

// etcdutl does it where it is there: from etcd 3.5 on. The etcdctl of 3.6 no
// longer touches files.
func etcdutl(t *testing.T, args ...string) {
	t.Helper()
	tool := "etcdutl"
	if _, err := exec.LookPath(tool); err != nil {
		tool = "etcdctl"
	}
	etcdTool(t, tool, args...)
}

func etcdTool(t *testing.T, tool string, args ...string) {
	t.Helper()
	cmd := exec.Command(tool, args...)
	cmd.Env = append(os.Environ(), "ETCDCTL_API=3")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v (install etcd-client)\n%s", tool, args, err, out)
	}
}

func (e *externalEtcd) config() Config {
	return testConfig(Config{Endpoints: []string{e.address}})
}

// freeAddress is one that nobody else has, also when an etcd is away for a while:
// on one of the 16 million loopback addresses, with a port that the system gives
// to no connection.
func freeAddress() string {
	host := net.IPv4(127, byte(1+rand.IntN(250)), byte(rand.IntN(256)), byte(1+rand.IntN(250)))
	return net.JoinHostPort(host.String(), "15001")
}

// An etcd does not outlive the test program that has started it, even if that is killed.
func TestEtcdEndsWithItsTests(t *testing.T) {
	const asked, says = "RINGFENCE_TEST_ETCD_DIR", "etcd listens at "
	if dir := os.Getenv(asked); dir != "" { // the program that is killed
		e := &externalEtcd{dir: dir}
		e.start(t)
		fmt.Printf("\n%s%s\n", says, e.address)
		<-within(t, patience).Done()
		return
	}
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), asked+"="+socketDir(t))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	address, found := "", false
	for lines := bufio.NewScanner(out); !found && lines.Scan(); {
		address, found = strings.CutPrefix(lines.Text(), says)
	}
	_ = cmd.Process.Kill() // it is a child, and not waited for yet
	_ = cmd.Wait()         // killed
	if !found {
		t.Fatal("no etcd was started")
	}
	waitUntil(t, "the end of etcd", func() bool {
		c, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
}

// open opens a store for the time of the test.
func open(t *testing.T, cfg Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// within fails the test if f takes too long.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), d, fmt.Errorf("test waited %v", d))
	t.Cleanup(cancel)
	return ctx
}
