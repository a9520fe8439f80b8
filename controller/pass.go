package controller

import (
	"context"
	"errors"
	"sync"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// pass looks at every connection once, and returns how many it cut. The second
// pass of a sweep also cuts what came up from those that the first one cut.
func (s *sweeper) pass(ctx context.Context, j job, w sweep, again bool) (int, error) {
	ctl := s.ctl()
	conns, err := ctl.DumpAllConntrack(ctx)
	var unreadable *unixctl.DumpError
	if errors.As(err, &unreadable) {
		s.log.Error("some connections cannot be read and are not judged", "error", err)
	} else if err != nil {
		return 0, err
	}
	cut, zones := s.judge(j, w, conns)
	var revived []unixctl.Conn
	if again {
		cut, revived = s.cuts.revived(cut, conns)
	}
	if err := s.cuts.keep(ctx, j, s.view.policy, cut); err != nil {
		return 0, err
	}
	cut = append(cut, revived...)
	var failed error
	for zone := range zones {
		if err := ctl.FlushZone(ctx, zone); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	failed = errors.Join(failed, s.flush(ctx, ctl, cut))
	total := len(cut)
	for _, n := range zones {
		total += n
	}
	s.metrics.cut.Add(float64(total))
	if total > 0 {
		s.log.Info("connections cut: nothing allows them any more", "connections", total)
	}
	return total, failed
}

// flushers is how many connections are deleted at a time: ovs-vswitchd takes one
// command from each control connection in a turn.
const flushers = 3

// flush deletes connections, all it can.
func (s *sweeper) flush(ctx context.Context, ctl conntrack, conns []unixctl.Conn) error {
	var work sync.WaitGroup
	failed := make([]error, min(flushers, len(conns)))
	for n := range failed {
		work.Go(func() {
			for i := n; i < len(conns) && ctx.Err() == nil; i += flushers {
				err := ctl.FlushConntrack(ctx, conns[i])
				switch {
				case errors.Is(err, unixctl.ErrFlushUnsafe):
					err = s.erase(ctx, conns[i])
				case errors.Is(err, unixctl.ErrFlushUnsupported):
					// What else its NIC has is picked up anew, as after a restart
					// of the switch.
					err = ctl.FlushZone(ctx, conns[i].Zone)
				}
				if failed[n] == nil {
					failed[n] = err
				}
			}
		})
	}
	work.Wait()
	return errors.Join(errors.Join(failed...), ctx.Err())
}

// judge returns the connections to cut, and the zones to empty with how many
// there are. What is about to change counts already: it was taken from the
// policy, or put into it, since the engine installed its last.
func (s *sweeper) judge(j job, w sweep, conns []unixctl.Conn) (cut []unixctl.Conn, zones map[uint16]int) {
	zones = map[uint16]int{}
	s.view.read(func(snap *secgroup.Snapshot, pending *concern) {
		s.mu.Lock()
		expected := s.expected.concern.clone()
		s.mu.Unlock()
		for _, conn := range conns {
			nic, local := j.nics[conn.Zone]
			if !local {
				continue
			}
			n := snap.NIC(nic)
			if n == nil { // nothing allows what it has
				zones[conn.Zone]++
				continue
			}
			touched := w.concern.touches(snap, n, conn) || expected.touches(snap, n, conn) || pending.touches(snap, n, conn)
			if touched && !allowed(snap, n, conn) && !(w.late && allowedHere(snap, n, conn)) {
				cut = append(cut, conn)
			}
		}
	})
	return cut, zones
}
