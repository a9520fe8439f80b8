package turn

import (
	"bufio"
	"flag"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// childEnv names the directory whose lock a child of this test takes.
const childEnv = "RINGFENCE_TURN_TEST"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := lock(dir); err != nil {
			os.Exit(1)
		}
		os.Stdout.WriteString("mine\n")
		io.Copy(io.Discard, os.Stdin) // until the test closes it
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Of two programs of one run the second one has its turn when the first one has
// ended, by itself or killed; a program of another run has its own at once.
func TestOneAfterAnother(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	first := start(t, dir)
	first.mine(t)
	second, third := start(t, dir), start(t, dir)
	elsewhere := start(t, other)
	elsewhere.mine(t)
	if tryLock(t, dir) {
		t.Error("the lock is free while the first program runs")
	}
	first.stdin.Close()
	has, waits := second, third
	select {
	case <-second.said:
	case <-third.said:
		has, waits = third, second
	}
	select {
	case <-waits.said:
		t.Error("two programs of one run have their turn at once")
	default:
	}
	if tryLock(t, dir) {
		t.Error("the lock is free while the next program runs")
	}
	has.cmd.Process.Kill()
	waits.mine(t)
}

// The run is known by where go test puts its programs.
func TestRunOfAProgram(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]string{
		"/tmp/go-build3409343201/b099/controller.test": "/tmp/go-build3409343201",
		"/root/e2e.test": "",
		"./e2e.test":     "",
		"e2e.test":       "",
	} {
		dir, ok := workDir(program)
		if ok != (want != "") || ok && dir != want {
			t.Errorf("%s: %q, %t", program, dir, ok)
		}
	}
	// Only go test passes this flag.
	if f := flag.Lookup("test.paniconexit0"); f != nil && f.Value.String() == "true" {
		if _, ok := workDir(os.Args[0]); !ok {
			t.Errorf("this program is %s: its run is not known", os.Args[0])
		}
	}
}

type child struct {
	cmd   *exec.Cmd
	stdin io.Closer
	said  chan struct{} // closed when it has its turn
}

func start(t *testing.T, dir string) *child {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd, in, make(chan struct{})}
	read := make(chan struct{})
	go func() {
		defer close(read)
		if line, _ := bufio.NewReader(out).ReadString('\n'); line == "mine\n" {
			close(c.said)
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-read
		cmd.Wait() // killed: that it ends is all that counts
	})
	return c
}

// mine waits until the child has its turn; go test's own timeout ends the wait.
func (c *child) mine(t *testing.T) {
	t.Helper()
	<-c.said
}

func tryLock(t *testing.T, dir string) bool {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() // and gives the lock back
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}
