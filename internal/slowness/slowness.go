// Package slowness tells tests how slow this machine is at the moment. A
// promise such as "ready within a second" is for a host that has processors to
// spare; where others use them, all that a test can hold Ringfence to is that
// second as this machine gives it, which is measured beside the promise.
package slowness

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A probe hands a byte to and fro between two threads, each of which computes
// for as long as work before it hands it back: that is how the processes of a
// host work, one after another and each woken by the one before. A round is of
// so many handovers; between rounds the probe rests, so that it takes some
// percent of a processor.
const (
	work      = 100 * time.Microsecond // of a processor's time
	handovers = 20
	rest      = 40 * time.Millisecond
)

// Probe measures from Start to Factor.
type Probe struct {
	wall, cpu atomic.Int64 // nanoseconds of the rounds so far
	stop      chan struct{}
	ended     sync.WaitGroup
	once      sync.Once
}

// Start begins to measure; the probe ends with the test, if not earlier.
func Start(tb testing.TB) *Probe {
	tb.Helper()
	p := &Probe{stop: make(chan struct{})}
	var pipes [2][2]int
	for i := range pipes {
		if err := unix.Pipe2(pipes[i][:], unix.O_CLOEXEC); err != nil {
			tb.Fatalf("slowness: %v", err)
		}
	}
	p.ended.Go(func() { p.lead(pipes[0][1], pipes[1][0]) })
	p.ended.Go(func() { p.follow(pipes[0][0], pipes[1][1]) })
	tb.Cleanup(p.end)
	return p
}

func (p *Probe) end() {
	p.once.Do(func() { close(p.stop) })
	p.ended.Wait()
}

// Factor ends the probe and says how many times as long as the processor's
// time the rounds took: 1 on a machine without other work, 2 where every step
// waits as long as it takes.
func (p *Probe) Factor() float64 {
	p.end()
	return max(1, float64(p.wall.Load())/float64(p.cpu.Load()))
}

// lead runs the rounds, at least one, and measures them.
func (p *Probe) lead(to, from int) {
	defer unix.Close(to) // which ends follow
	defer unix.Close(from)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		begun, used := time.Now(), threadTime()
		for range handovers {
			compute()
			if _, err := unix.Write(to, []byte{1}); err != nil {
				panic(err) // the other thread reads for as long as this one writes
			}
			receive(from)
		}
		// The follower has computed as long as this thread.
		p.cpu.Add(int64(2 * (threadTime() - used)))
		p.wall.Add(int64(time.Since(begun)))
		select {
		case <-p.stop:
			return
		case <-time.After(rest):
		}
	}
}

func (p *Probe) follow(from, to int) {
	defer unix.Close(from)
	defer unix.Close(to)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for receive(from) {
		compute()
		if _, err := unix.Write(to, []byte{1}); err != nil {
			return
		}
	}
}

// receive reads one byte; it is false when the other side is closed.
func receive(fd int) bool {
	var b [1]byte
	for {
		switch n, err := unix.Read(fd, b[:]); {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			panic(err)
		default:
			return n == 1
		}
	}
}

// compute uses the processor.
func compute() {
	for begun := threadTime(); threadTime()-begun < work; {
	}
}

// threadTime is the processor's time that this thread has used.
func threadTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}

// Within runs fn and holds it to a promise: it fails the test unless fn took no
// longer than promised on a machine as slow as this one was meanwhile. fn ends
// by itself, with a patience of its own.
func Within(tb testing.TB, promised time.Duration, what string, fn func()) {
	tb.Helper()
	p := Start(tb)
	begun := time.Now()
	fn()
	took := time.Since(begun)
	if err := p.Hold(promised, took); err != nil {
		tb.Errorf("%s: %v", what, err)
	} else {
		tb.Logf("%s: after %s", what, took.Round(time.Millisecond))
	}
}

// Hold ends the probe and holds what took some time while it measured to a
// promise: the error says that it took longer than promised, on a machine as
// slow as this one was meanwhile.
func (p *Probe) Hold(promised, took time.Duration) error {
	f := p.Factor()
	if limit := time.Duration(float64(promised) * f); took > limit {
		return fmt.Errorf("it took %s; %s is promised, which is %s on this machine, %.1f times as slow as without other work",
			took.Round(time.Millisecond), promised, limit.Round(time.Millisecond), f)
	}
	return nil
}
