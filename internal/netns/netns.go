// Package netns makes network namespaces that live exactly as long as this
// process holds them: they are kept by an open file, not by a name under
// /run/netns, so that nothing is left behind however a test ends.
// See network_namespaces(7) and setns(2).
package netns

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// Namespace is one network namespace. Its methods may be called from any
// number of goroutines at once.
type Namespace struct {
	name string
	file *os.File
}

// New makes an empty namespace with its loopback up. The name stands in
// errors only. It needs CAP_SYS_ADMIN.
func New(name string) (*Namespace, error) {
	ns := &Namespace{name: name}
	err := onOwnThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("unshare: %w", err)
		}
		f, err := os.Open("/proc/thread-self/ns/net")
		ns.file = f
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("network namespace %s: %w", name, err)
	}
	if err := ns.Up("lo"); err != nil {
		ns.Close()
		return nil, err
	}
	return ns, nil
}

// Name returns the name given to New.
func (n *Namespace) Name() string { return n.name }

// Path names the namespace for other programs, as in `nsenter --net=PATH` or
// `ip link … netns PATH`. It is valid while the namespace is open.
func (n *Namespace) Path() string {
	return fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), n.file.Fd())
}

// Close lets go of the namespace. The kernel removes it, and every link in
// it, when the last process and socket in it are gone.
func (n *Namespace) Close() error { return n.file.Close() }

// Do calls fn on a thread inside the namespace. Sockets that fn opens and
// processes that it starts stay there; goroutines that it starts do not.
func (n *Namespace) Do(fn func() error) error {
	return onOwnThread(func() error {
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter network namespace %s: %w", n.name, err)
		}
		return fn()
	})
}

// Open calls open inside the namespace and returns what it opened.
func Open[T any](n *Namespace, open func() (T, error)) (T, error) {
	var got T
	err := n.Do(func() (err error) {
		got, err = open()
		return err
	})
	return got, err
}

// Run runs a program inside the namespace; its output is part of the error.
func (n *Namespace) Run(name string, args ...string) error {
	return n.run(exec.Command(name, args...))
}

// IP runs ip(8) commands, without the leading "ip", in one process.
func (n *Namespace) IP(commands ...string) error {
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	return n.run(cmd)
}

func (n *Namespace) run(cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := n.Do(cmd.Run); err != nil {
		return fmt.Errorf("in %s: %s: %w: %s", n.name, strings.Join(cmd.Args, " "), err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}

// Sysctl sets a net.* kernel parameter of the namespace; the key has slashes:
// "ipv6/conf/eth0/accept_ra".
func (n *Namespace) Sysctl(key, value string) error {
	return n.Do(func() error {
		return os.WriteFile(filepath.Join("/proc/sys/net", key), []byte(value), 0o644)
	})
}

// onOwnThread calls fn with the goroutine locked to its thread and puts the
// thread back into the namespace it came from. A thread that cannot be put
// back is left locked, so that the runtime ends it with its goroutine.
func onOwnThread(fn func() error) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer home.Close()
	defer func() {
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread()
		}
	}()
	return fn()
}
