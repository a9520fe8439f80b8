// Package turn has the test programs of one "go test ./..." that start real
// switches, stores or namespaces run one after another. Go runs as many
// packages beside each other as there are processors; each of these programs
// starts several processes for each of several tests at a time, so that two of
// them leave no test the time that it counts on. Programs of different
// commands do not wait for each other.
package turn

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// takenEnv names, in a program that has its turn and in the programs that it
// starts, the run whose turn it is.
const takenEnv = "RINGFENCE_TEST_TURN"

// Take waits until no other test program of this go test has a turn, and keeps
// the turn until the process ends. A package's TestMain calls it first. The
// time spent waiting does not count for the -timeout of the tests. A test
// program that go test has not built for this run, such as one that was
// compiled with "go test -c", waits for nobody. A test program that starts
// itself again shares its turn with the second one.
func Take() {
	dir, ok := workDir(os.Args[0])
	if !ok || os.Getenv(takenEnv) == dir {
		return
	}
	err := lock(dir)
	if err == nil {
		err = os.Setenv(takenEnv, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "turn:", err)
		os.Exit(1)
	}
}

// workDir is the directory of one run of go test, which it removes at its end,
// by the path of one of its test programs: <dir>/b001/controller.test. All
// programs of the run share it, and nobody else does.
func workDir(program string) (string, bool) {
	dir := filepath.Dir(filepath.Dir(program))
	return dir, strings.HasPrefix(filepath.Base(dir), "go-build")
}

// lock takes the lock of a directory, for as long as the process lives: the
// kernel gives it back even if the process is killed.
func lock(dir string) error {
	fd, err := syscall.Open(dir, syscall.O_RDONLY|syscall.O_DIRECTORY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	for {
		if err = syscall.Flock(fd, syscall.LOCK_EX); err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", dir, err)
	}
	return nil
}
