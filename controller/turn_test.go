package controller

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringfence/ringfence/store"
	"github.com/ringfence/ringfence/unixctl"
)

// A loop that is stuck does not say that it turns, although the host goes on
// reporting; one that has nothing to do says so again and again.
func TestLoopThatIsStuckDoesNotTurn(t *testing.T) {
	r := newRig(t)
	var turns atomic.Int64
	stuck, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	r.turned = func() { turns.Add(1) }
	r.unfit = func(unixctl.Version) error {
		once.Do(func() { close(stuck) })
		<-release
		return nil
	}
	r.start()
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free) // before the controller is stopped
	<-stuck
	before := turns.Load()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := r.store.WaitHosts(ctx, func(hosts []store.HostStatus) bool { return len(hosts) == 1 && hosts[0].Host == hostName }); err != nil {
		t.Fatalf("the host does not report beside a loop that is stuck: %v", err)
	}
	if now := turns.Load(); now != before {
		t.Errorf("a loop that is stuck turned %d times", now-before)
	}
	free()
	for deadline := time.Now().Add(patience); turns.Load() < before+3; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the loop turned %d times", turns.Load()-before)
		}
	}
}
