// Package halt has processes do nothing for a while.
package halt

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// patience bounds how long the threads of a process may take to stop. Each has to
// be given a processor first.
const patience = time.Minute

// Stop sends a process SIGSTOP and waits until each of its threads has stopped. The
// signal alone is not enough: the kernel gives it to one thread, and until that one
// has run, which takes its time on a busy machine, the others go on.
func Stop(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		return fmt.Errorf("stop process %d: %w", pid, err)
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		stopped, err := stopped(pid)
		switch {
		case err != nil:
			return fmt.Errorf("stop process %d: %w", pid, err)
		case stopped:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("process %d did not stop within %s", pid, patience)
		}
	}
}

// Continue lets a process go on that was stopped.
func Continue(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		return fmt.Errorf("continue process %d: %w", pid, err)
	}
	return nil
}

// stopped reports whether every thread of a process is stopped or has ended, by the
// state in /proc/PID/task/TID/stat, see proc_pid_stat(5).
func stopped(pid int) (bool, error) {
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		return false, err
	}
	if len(files) == 0 {
		return false, os.ErrProcessDone
	}
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		// The state follows the program's name, which may hold anything.
		_, state, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
		if len(state) == 0 || !bytes.ContainsRune([]byte("TtZX"), rune(state[0])) {
			return false, nil
		}
	}
	return true, nil
}
