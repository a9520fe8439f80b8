package ovsproc

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stopPatience is how long a daemon may take to end by SIGTERM.
const stopPatience = 15 * time.Second

// daemon is one child process. The nil daemon is one that does not run.
type daemon struct {
	name string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process was reaped
}

// netns is how a child enters its network namespace.
type netns struct {
	private bool
	path    string
}

func (p *Proc) enterNetns() *netns {
	if p.cfg.Netns == "" && !p.cfg.PrivateNetns {
		return nil
	}
	return &netns{private: p.cfg.PrivateNetns, path: p.cfg.Netns}
}

// enter moves this thread there, for what it starts: it is not unlocked, and ends
// with its goroutine.
func (n *netns) enter() error {
	if n == nil || n.path == "" {
		return nil
	}
	f, err := os.Open(n.path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Setns(int(f.Fd()), unix.CLONE_NEWNET)
}

// spawn starts an OVS daemon in the foreground and waits until its socket,
// which may be named for its pid, accepts a connection.
func (p *Proc) spawn(ctx context.Context, name string, ns *netns, sock func(pid int) string, args ...string) (*daemon, error) {
	args = append([]string{
		name, "--no-chdir",
		"--pidfile=" + filepath.Join(p.RunDir(), name+".pid"),
		"--log-file=" + filepath.Join(p.LogDir(), name+".log"),
		"-vconsole:off", "-vsyslog:off",
	}, args...)
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if ns != nil && ns.private {
		attr.Cloneflags = syscall.CLONE_NEWNET
	}
	out, err := os.OpenFile(filepath.Join(p.LogDir(), name+".out"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("ovsproc: %w", err)
	}
	defer out.Close()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env, cmd.Dir, cmd.SysProcAttr = p.Env(), p.RunDir(), attr
	cmd.Stdout, cmd.Stderr = out, out

	d := &daemon{name: name, cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// Pdeathsig follows the thread that forked, not the process: keep
		// that thread for as long as the child lives.
		runtime.LockOSThread()
		err := ns.enter()
		if err == nil {
			err = cmd.Start()
		}
		started <- err
		if err == nil {
			_ = cmd.Wait() // a status other than 0 is what SIGKILL gives
			close(d.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("ovsproc: start %s: %w", name, err)
	}
	if err := d.await(ctx, sock(d.pid())); err != nil {
		_ = d.stop(syscall.SIGKILL)
		said, _ := os.ReadFile(out.Name())
		return nil, fmt.Errorf("ovsproc: %s: %w: %s", name, err, bytes.TrimSpace(said))
	}
	return d, nil
}

// await returns when the socket accepts connections.
func (d *daemon) await(ctx context.Context, sock string) error {
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := new(net.Dialer).DialContext(ctx, "unix", sock); err == nil {
			return c.Close()
		}
		select {
		case <-d.done:
			return fmt.Errorf("ended at once (%s)", d.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("no answer on %s: %w", sock, ctx.Err())
		case <-tick.C:
		}
	}
}

func (d *daemon) pid() int { return d.cmd.Process.Pid }

func (d *daemon) running() bool {
	if d == nil {
		return false
	}
	select {
	case <-d.done:
		return false
	default:
		return true
	}
}

// stop signals the daemon and waits for its end, by SIGKILL if need be.
func (d *daemon) stop(sig syscall.Signal) error {
	if !d.running() {
		return nil
	}
	_ = d.cmd.Process.Signal(sig) // it may just have ended: done tells
	select {
	case <-d.done:
		return nil
	case <-time.After(stopPatience):
	}
	_ = d.cmd.Process.Kill()
	<-d.done
	return fmt.Errorf("ovsproc: %s had to be killed: it did not end within %s", d.name, stopPatience)
}
