package stack

import (
	"fmt"
	"os"
	"os/exec"
)

// ProgramEnv names the environment variable with the path of the program under
// test. "make test" builds it once for all packages; without the variable each run
// of a package builds its own.
const ProgramEnv = "RINGFENCE_E2E_BINARY"

// Program is the path of the program under test: that which ProgramEnv names, or
// path, where it is built, with the race detector or without.
func Program(path string, race bool) (string, error) {
	if made := os.Getenv(ProgramEnv); made != "" {
		// A result that go test keeps counts for a program of this size and time.
		if _, err := os.Stat(made); err != nil {
			return "", fmt.Errorf("%s: %w", ProgramEnv, err)
		}
		return made, nil
	}
	// What only debuggers read is left out: linking takes a third less.
	out, err := exec.Command("go", "build", fmt.Sprintf("-race=%t", race), "-ldflags=-s -w", "-o", path,
		"github.com/ringfence/ringfence/cmd/ringfence").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
}
