package ovsproc

import (
	"context"
	"sync"
	"time"
)

// keepPause is how long after its end, or a start that failed, a daemon is
// started again.
const keepPause = 500 * time.Millisecond

// Keep starts a daemon again that has ended by itself, until ctx ends; end ctx,
// and wait for Keep, before Stop. tell hears the name of each daemon that has
// ended, and why one could not be started. It may be called by two at a time.
func (p *Proc) Keep(ctx context.Context, tell func(daemon string, failed error)) {
	var both sync.WaitGroup
	both.Go(func() { p.keep(ctx, &p.ovsdb, p.StartOVSDB, tell) })
	both.Go(func() { p.keep(ctx, &p.vswitchd, p.StartVswitchd, tell) })
	both.Wait()
}

func (p *Proc) keep(ctx context.Context, slot **daemon, start func(context.Context) error, tell func(string, error)) {
	for {
		p.mu.Lock()
		d := *slot
		p.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-d.done:
		}
		tell(d.name, nil)
		for failed := true; failed; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(keepPause):
			}
			err := start(ctx)
			if failed = err != nil; failed {
				tell(d.name, err)
			}
		}
	}
}
