package revoke

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/unixctl"
)

// Tombstones are looked at every recheckEvery, so many NICs at a time that all
// have their turn within recheckRound, which is shorter than any time-out of
// conntrack; and for a recheckShare of the time at most.
const (
	recheckEvery = time.Second
	recheckRound = 10
	recheckShare = 20
)

// recheck looks whether what is cut still is: somebody may have flushed conntrack.
// It returns when to look again.
func (s *Sweeper) recheck(ctx context.Context) time.Duration {
	start := time.Now()
	j := s.latest()
	if j.Conn == nil || !s.isChecked(j.Conn) || s.tombs.len() == 0 {
		return recheckEvery
	}
	if err := s.watchTombs(ctx, j); err != nil && ctx.Err() == nil {
		s.log.Debug("tombstones not looked at", "error", err)
	}
	s.metrics.tombs.Set(float64(s.tombs.len()))
	return max(recheckEvery, recheckShare*time.Since(start))
}

func (s *Sweeper) watchTombs(ctx context.Context, j Job) error {
	zones := s.nextZones(j)
	conns, err := List(ctx, s.ctl(), zones)
	var unreadable *unixctl.DumpError
	if err != nil && !errors.As(err, &unreadable) {
		return err
	}
	byZone := map[uint16][]unixctl.Conn{}
	for _, c := range conns {
		byZone[c.Zone] = append(byZone[c.Zone], c)
	}
	now := time.Now()
	for _, zone := range zones {
		nic := j.NICs.NIC(zone)
		lost := s.tombs.lostOf(nic, zone, byZone[zone], err == nil, now)
		lost = s.stillCut(nic, lost)
		if len(lost) == 0 {
			continue
		}
		s.log.Warn("connections that were cut had come back; cutting them again", "nic", nic, "connections", len(lost))
		if err := s.send(ctx, j.Conn, lost, true); err != nil {
			return err
		}
		s.metrics.cut.Add(float64(len(lost)))
	}
	return nil
}

// nextZones returns the zones whose turn it is.
func (s *Sweeper) nextZones(j Job) (zones []uint16) {
	kept := s.tombs.nics()
	for nic := range kept {
		if zone := j.NICs.Zone(nic); zone != 0 {
			zones = append(zones, zone)
		}
	}
	slices.Sort(zones)
	n := max(1, (len(zones)+recheckRound-1)/recheckRound)
	if len(zones) <= zoneByZone/2 || n >= len(zones) {
		return zones
	}
	from, _ := slices.BinarySearch(zones, s.lastRechecked+1)
	turn := append(slices.Clone(zones[from:]), zones[:from]...)[:n]
	s.lastRechecked = turn[n-1]
	return turn
}

// RestoreTombstones has tombstones put in a NIC's zone for all that is cut of the NIC, where
// the switch may have none: it has forgotten its connections, or the NIC had
// another zone.
func (s *Sweeper) RestoreTombstones(ctx context.Context, conn *ofconn.Conn, nic string, zone uint16) error {
	return s.send(ctx, conn, s.stillCut(nic, s.tombs.of(nic, zone, time.Now())), true)
}

// stillCut leaves out what is allowed again, and forgets it.
func (s *Sweeper) stillCut(nic string, conns []unixctl.Conn) (cut []unixctl.Conn) {
	s.policy.Read(func(p Known) { cut = stillRefused(s.tombs, p, nic, conns) })
	return cut
}

// stillRefused returns the connections that nothing allows, and forgets the others.
func stillRefused(t *tombs, s impact.Host, nic string, conns []unixctl.Conn) (cut []unixctl.Conn) {
	n := s.NIC(nic)
	for _, c := range conns {
		c.Labels, c.Mark = [16]byte{}, 0
		if n == nil || !allowed(s, n, c) {
			cut = append(cut, c)
		} else {
			t.forget(nic, c)
		}
	}
	return cut
}

// setLookTime notes how long a look at all zones took.
func (s *Sweeper) setLookTime(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookTime = d
}

// PauseBetweenLooks is how long to wait between looks at all zones, so that they take a
// recheckShare of the time at most.
func (s *Sweeper) PauseBetweenLooks() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return recheckShare * s.lookTime
}
