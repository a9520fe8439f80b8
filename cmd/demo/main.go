// Command demo shows Ringfence at work on one machine: it starts "ringfence
// dev" with a private Open vSwitch, plugs in three VMs (network namespaces),
// puts them into two groups, and prints who reaches whom before and after a
// rule, and the way of one denied packet through the flow tables.
//
// Everything happens in network, mount and process namespaces of its own and
// in a temporary directory: nothing of it is left when it ends, however it
// ends. It needs root.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
)

// insideEnv tells the process that is already inside its namespaces.
const insideEnv = "RINGFENCE_DEMO_DIR"

func main() {
	ringfence := flag.String("ringfence", "bin/ringfence", "the ringfence `program`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if dir := os.Getenv(insideEnv); dir != "" {
		err = inside(ctx, dir, *ringfence)
	} else {
		err = outside(*ringfence)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// outside runs this program again in namespaces of its own. The kernel ends
// every process of a PID namespace with the first one.
func outside(ringfence string) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("network namespaces need root: sudo make demo")
	}
	program, err := filepath.Abs(ringfence)
	if err != nil {
		return err
	}
	if _, err := os.Stat(program); err != nil {
		return fmt.Errorf("%w: make build", err)
	}
	dir, err := os.MkdirTemp("", "rf-demo") // short: unix sockets have 107 bytes of path
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	runtime.LockOSThread() // Pdeathsig follows the thread that starts the process
	cmd := exec.Command(self, "-ringfence", program)
	cmd.Env = append(os.Environ(), insideEnv+"="+dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	// An interrupt reaches the inner process by itself, as one of the same
	// process group; it says what is to be said.
	return cmd.Run()
}

// isolate makes the mounts that the namespaces need: /proc of the PID
// namespace, and a /run where no other Open vSwitch and no other namespace shows.
func isolate() error {
	for _, m := range []struct {
		source, target, fstype string
		flags                  uintptr
	}{
		{"", "/", "", syscall.MS_REC | syscall.MS_PRIVATE},
		{"proc", "/proc", "proc", 0},
		{"tmpfs", "/run", "tmpfs", 0},
	} {
		if err := syscall.Mount(m.source, m.target, m.fstype, m.flags, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	return sh("ip", "link", "set", "lo", "up")
}

// sh runs a program; its output is in the error if it fails.
func sh(program string, args ...string) error {
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %v: %w: %s", program, args, err, out)
	}
	return nil
}
