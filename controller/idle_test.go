package controller

import (
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/policytest/small"
)

// A host at which nothing happens reports now and then that it is alive, and writes
// nothing else: with many hosts that is most of what etcd is to bear.
func TestAnIdleHostWritesLittle(t *testing.T) {
	r, p := newRig(t), small.New()
	r.start()
	r.applied(r.write(p.Base()...))
	written := map[time.Time]bool{}
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for _, h := range r.store.Hosts() {
			written[h.Heartbeat] = true
		}
	}
	if len(written) > 4 { // the one that it began with, a sign of life, and what the start still had to say
		t.Errorf("a host without work wrote %d reports in three seconds", len(written))
	}
}
