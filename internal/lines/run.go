package lines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/procfs"
)

// Begin prints the line of a run, which has a command and what can be known of the machine, and
// returns what prints the others, each with the members that every line has.
func Begin(ctx context.Context, out io.Writer, command string, every Members) (*Writer, error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return nil, err
	}
	w := &Writer{out: out, proc: fs}
	machine, err := w.machine(ctx)
	if err != nil {
		return nil, err
	}
	err = w.print(Members{"bench": "run", "command": command, "commit": built(), "date": time.Now().UTC().Format(time.DateOnly), "machine": machine})
	w.every = every
	return w, err
}

// Command is how this program is run again, from its package's path in the repository.
func Command(path string) string {
	return strings.Join(append([]string{"go run ./" + path}, os.Args[1:]...), " ")
}

// commit is set by the linker. The Makefile does: it knows what "go run" does not note, and that
// the file to which a run's lines go is no change to what is measured.
var commit string

// built is the commit that this program was built of, with a + if that is not all.
func built() string {
	if commit != "" {
		return commit
	}
	revision, changed := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				revision = s.Value[:min(7, len(s.Value))]
			case s.Key == "vcs.modified" && s.Value == "true":
				changed = "+"
			}
		}
	}
	return revision + changed
}

var version = regexp.MustCompile(`\d+\.\d+\.\d+`)

// machine says what a figure depends on, and not whose machine it is.
func (w *Writer) machine(ctx context.Context) (string, error) {
	processors, err := w.proc.CPUInfo()
	if err != nil || len(processors) == 0 {
		return "", errors.Join(errors.New("/proc/cpuinfo tells of no processor"), err)
	}
	parts := []string{fmt.Sprintf("%d × %s", runtime.NumCPU(), processors[0].ModelName)}
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return "", err
	}
	kernel, _, _ := strings.Cut(strings.TrimSpace(string(release)), "-")
	parts = append(parts, "Linux "+kernel)
	for _, program := range []struct{ name, called string }{{"Open vSwitch", "ovs-vswitchd"}, {"OVN", "ovn-controller"}} {
		// Not all that is measured needs these, and not every machine has them.
		if said, err := exec.CommandContext(ctx, program.called, "--version").Output(); err == nil {
			parts = append(parts, program.name+" "+version.FindString(string(said)))
		}
	}
	return strings.Join(parts, ", "), nil
}
