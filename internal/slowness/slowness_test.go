package slowness

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Where others use the processors a promise is stretched, and not without end:
// what takes many times as long as the machine is slow breaks it.
func TestFactorFollowsTheMachine(t *testing.T) {
	probe := func() float64 {
		p := Start(t)
		time.Sleep(500 * time.Millisecond)
		return p.Factor()
	}
	before := probe()
	var over atomic.Bool
	var busy sync.WaitGroup
	loops := 3 * runtime.NumCPU()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(loops + 2)) // so that the loops compete as processes do
	for range loops {
		busy.Go(func() {
			for !over.Load() {
			}
		})
	}
	during := probe()
	over.Store(true)
	busy.Wait()
	t.Logf("%.2f before, %.2f beside %d busy loops", before, during, loops)
	if during < 1.3 || during > 1000 {
		t.Errorf("beside busy loops the factor is %.2f", during)
	}
}

// A promise that is broken is told of, with what was measured.
func TestBrokenPromise(t *testing.T) {
	t.Parallel()
	p := Start(t)
	if err := p.Hold(time.Second, 900*time.Millisecond); err != nil {
		t.Error(err)
	}
	if err := p.Hold(time.Millisecond, time.Hour); err == nil {
		t.Error("an hour is not a millisecond on any machine")
	}
}
