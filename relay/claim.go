package relay

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/store"
)

// claim takes the host's seat in the store, so that no other machine has its name at
// another relay. While etcd is away the host is served all the same, and the seat is taken
// later.
func (r *Relay) claim(ctx context.Context, hello *wire.Hello) error {
	if r.cfg.Board == nil {
		return nil
	}
	plugged := map[string]*wire.Plug{}
	for _, one := range hello.GetPlugs().GetPlugged() {
		plugged[one.GetNic()] = one
	}
	if !r.awaitBehindWritten(ctx, hello.GetHost()) {
		return nil
	}
	err := r.cfg.Board.PutHost(ctx, r.report(hello, plugged, nil))
	if errors.Is(err, store.ErrSeatTaken) {
		return &ending{code: codes.AlreadyExists, retryable: true, after: r.cfg.timing.seat, reason: err.Error()}
	}
	if err != nil {
		r.log.Warn("a host's name is not written down; trying again", "host", hello.GetHost(), "error", err)
	}
	return nil
}

// expect notes that a host is about to attach: it counts as behind until it says what is
// in force there.
func (r *Relay) expect(host string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expected[host]++
	if r.sessions[host] == nil {
		r.behind[host] = 0
		r.wakeAll()
	}
}

// came ends expect: the host has attached, or was refused.
func (r *Relay) came(host string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.expected[host]--; r.expected[host] == 0 {
		delete(r.expected, host)
		r.forgetBehind(host)
	}
}

// forgetBehind drops the standing of a host that is not attached, not about to be, and
// whose last report was written. The caller holds mu.
func (r *Relay) forgetBehind(host string) {
	if _, leaving := r.left[host]; !leaving && r.sessions[host] == nil && r.expected[host] == 0 {
		delete(r.behind, host)
	}
}

// awaitBehindWritten waits until the store has been written that a host which is about to
// attach is behind, or the host is attached: with a report that names this relay, and no
// word of that, it would count as being at the relay's revision. It gives up after a while,
// as when etcd is away.
func (r *Relay) awaitBehindWritten(ctx context.Context, host string) bool {
	late := time.NewTimer(behindWrittenWithin)
	defer late.Stop()
	for {
		r.mu.Lock()
		_, told := r.standingWritten.Behind[host]
		told = told || r.sessions[host] != nil
		wrote := r.standingChanged
		r.mu.Unlock()
		if told {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-late.C:
			return false
		case <-wrote:
		}
	}
}

const behindWrittenWithin = 2 * time.Second
