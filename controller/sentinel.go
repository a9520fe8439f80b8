package controller

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/unixctl"
)

const (
	sentinelZone    = maxZone                // no NIC gets it
	sentinelEvery   = 200 * time.Millisecond // how often it is looked at
	sentinelRefresh = 5 * time.Second        // sooner than any connection times out
)

// sentinelThere is logged when the sentinel comes to be seen: from then on it is noticed
// when the switch forgets its connections.
const sentinelThere = "it will be noticed if the switch forgets its connections"

// sentinel is a made-up connection in the switch's connection tracking, alone in its zone:
// when it is gone, all connections were flushed. The zone has a limit because the switch
// counts connections of such zones, so that looking costs the same however many
// connections there are.
type sentinel struct {
	conn      *ofconn.Conn // to the switch where it is
	there     bool         // it was seen
	gone      bool         // it was, and is not any more
	refreshAt time.Time
}

// limiter is what the sentinel needs of the datapath.
type limiter interface {
	SetLimits(ctx context.Context, zones ...unixctl.ZoneLimit) error
	GetLimits(ctx context.Context, zones ...uint16) (unixctl.Limits, error)
}

// look checks whether the sentinel is there, and refreshes it before it times out. One
// that timed out because look was not called in time counts as flushed, too: tombstones are
// then put back that may be there already, which does no harm.
func (s *sentinel) look(ctx context.Context, conn *ofconn.Conn, dp limiter) error {
	if s.gone {
		return nil
	}
	if s.conn != conn { // the switch may know no limits any more
		if err := dp.SetLimits(ctx, unixctl.ZoneLimit{Zone: sentinelZone, Limit: 1}); err != nil {
			return fmt.Errorf("limit zone %d: %w", sentinelZone, err)
		}
		*s = sentinel{conn: conn, there: s.there}
	}
	limits, err := dp.GetLimits(ctx, sentinelZone)
	if err != nil {
		return fmt.Errorf("count the connections of zone %d: %w", sentinelZone, err)
	}
	there := len(limits.Zones) == 1 && limits.Zones[0].Count > 0
	if s.there && !there {
		s.gone = true
		return nil
	}
	s.there = there
	if now := time.Now(); !there || now.After(s.refreshAt) {
		s.refreshAt = now.Add(sentinelRefresh)
		return s.refresh(ctx, conn)
	}
	return nil
}

// refresh creates the sentinel, or restarts its timeout.
func (s *sentinel) refresh(ctx context.Context, conn *ofconn.Conn) error {
	frame, err := unixctl.Frame(unixctl.Conn{Proto: openflow.ProtoUDP, Orig: unixctl.Tuple{
		Src: netip.AddrFrom4([4]byte{127, 0, 0, 1}), Dst: netip.AddrFrom4([4]byte{127, 0, 0, 2}), SPort: 1, DPort: 1,
	}}, unixctl.Begin)
	if err != nil {
		return err
	}
	return conn.PacketOut(ctx, wire.PacketOut{InPort: openflow.PortController, Actions: ofrules.Track(sentinelZone), Packet: frame})
}

// checkSentinel looks at the sentinel, and reports whether it is gone, so that the engine
// has to take a step.
func (e *engine) checkSentinel(ctx context.Context) (step bool) {
	if e.conn == nil || !e.tables.known || e.memory.process == "" {
		return false
	}
	before := e.memory.sentinel.there
	if err := e.memory.sentinel.look(ctx, e.conn, e.datapath()); err != nil {
		e.log.Debug("it is not known whether the switch remembers its connections", "error", err)
	}
	if e.memory.sentinel.there && !before {
		e.log.Debug(sentinelThere)
	}
	return e.memory.sentinel.gone
}
