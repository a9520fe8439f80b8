package stack

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/ringfence/ringfence/internal/halt"
)

// stopPatience is how long a process may take to end by SIGTERM.
const stopPatience = time.Minute

// Process is a program that was started and runs until it is told to end.
type Process struct {
	Name string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when it was reaped
}

// StartProcess starts a program, whose output is appended to the file log. End
// it with Stop or Kill; the kernel kills it should this process die first.
func StartProcess(name, log, program string, args ...string) (*Process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &Process{Name: name, log: log, cmd: exec.Command(program, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		// Pdeathsig follows the thread that forked: keep it while the child lives.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // a status other than 0 is what signals give
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// PID is the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Running tells whether it has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Kill ends it with SIGKILL and waits for that.
func (p *Process) Kill() error { return p.end(syscall.SIGKILL) }

// Stop ends it with SIGTERM and waits for that. One that does not end in
// order is killed, and that is an error; so is what the race detector found.
func (p *Process) Stop() error {
	err := p.end(syscall.SIGTERM)
	if log := p.Log(); strings.Contains(log, "WARNING: DATA RACE") {
		err = errors.Join(err, fmt.Errorf("%s: %s", p.Name, log[strings.Index(log, "WARNING: DATA RACE"):]))
	}
	return err
}

func (p *Process) end(sig syscall.Signal) error {
	if !p.Running() {
		return nil
	}
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end %s: %w", p.Name, err)
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(stopPatience):
	}
	_ = p.cmd.Process.Kill() // fails only if it has just ended
	<-p.done
	return fmt.Errorf("%s did not end within %s of signal %v and was killed", p.Name, stopPatience, sig)
}

// Pause stops the process: it lives and does nothing from here on.
func (p *Process) Pause() error { return halt.Stop(p.PID()) }

// Resume lets a paused process go on.
func (p *Process) Resume() error { return halt.Continue(p.PID()) }

// Log is what it has written so far.
func (p *Process) Log() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
