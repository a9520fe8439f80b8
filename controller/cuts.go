package controller

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// How long a connection is kept cut: until both ends were silent for cutIdle,
// and at most cutMost.
const (
	cutIdle = 60 * time.Second
	cutMost = 10 * time.Minute
)

// cuts keeps connections cut whose ends go on sending (see ofrules.CutFlows),
// until they fall silent or are allowed again. The flows end by themselves; what
// is remembered of them is only for the second case. Only the sweeper's
// goroutine uses it.
type cuts struct {
	conn *ofconn.Conn // to the switch that has the flows
	kept map[cutKey]cut
}

// cutKey is a connection in the zone of a NIC.
type cutKey struct {
	zone  uint16
	tuple ofrules.Tuple // of the original direction
}

type cut struct {
	nic   string
	conn  unixctl.Conn
	flows []openflow.Flow
	until time.Time
}

// meet takes up a switch. What a former run kept cut there is let go: if it is
// still open, the sweep that begins every connection finds it.
func (c *cuts) meet(ctx context.Context, conn *ofconn.Conn) error {
	if conn == c.conn {
		return nil
	}
	c.conn, c.kept = nil, map[cutKey]cut{}
	err := conn.Bundle(ctx, []openflow.FlowMod{{
		Command: openflow.FlowDelete, Flow: openflow.Flow{Table: openflow.AllTables, Cookie: ofrules.CutCookie}, CookieMask: ^uint64(0),
	}})
	if err == nil {
		c.conn = conn
	}
	return err
}

// keep puts flows in place for connections that are about to be deleted. ICMP
// needs none: an answer begins no connection.
func (c *cuts) keep(ctx context.Context, j job, snap func(func(*secgroup.Snapshot)), conns []unixctl.Conn) error {
	var mods []openflow.FlowMod
	snap(func(s *secgroup.Snapshot) {
		for _, conn := range conns {
			nic := j.nics[conn.Zone]
			n, port := s.NIC(nic), j.ports[nic]
			if n == nil || port.OFPort == 0 || isICMP(conn) {
				continue
			}
			sends := tupleOf(conn)
			k := cutKey{conn.Zone, sends}
			if sent, _ := ends(s, n, conn); !sent {
				sends = sends.Reverse()
			}
			kept := cut{nic, conn, ofrules.CutFlows(port, sends), time.Now().Add(cutMost)}
			c.kept[k] = kept
			for _, f := range kept.flows {
				mods = append(mods, openflow.FlowMod{
					Command: openflow.FlowAdd, Flow: f,
					IdleTimeout: uint16(cutIdle.Seconds()), HardTimeout: uint16(cutMost.Seconds()),
				})
			}
		}
	})
	return c.send(ctx, mods)
}

// review lets go what is allowed again.
func (c *cuts) review(ctx context.Context, snap func(func(*secgroup.Snapshot))) error {
	if len(c.kept) == 0 {
		return nil
	}
	var mods []openflow.FlowMod
	snap(func(s *secgroup.Snapshot) {
		for k, kept := range c.kept {
			n := s.NIC(kept.nic)
			if n != nil && !allowed(s, n, kept.conn) && time.Now().Before(kept.until) {
				continue
			}
			delete(c.kept, k)
			for _, f := range kept.flows {
				mods = append(mods, openflow.DeleteFlow(f.Key()))
			}
		}
	})
	return c.send(ctx, mods)
}

// revived returns the connections that go the other way of one that is kept cut,
// begun by a packet that was under way when it was deleted, and of those to cut
// the others.
func (c *cuts) revived(cut, all []unixctl.Conn) (others, revived []unixctl.Conn) {
	is := func(conn unixctl.Conn) bool {
		_, kept := c.kept[cutKey{conn.Zone, tupleOf(conn).Reverse()}]
		return kept
	}
	for _, conn := range all {
		if is(conn) {
			revived = append(revived, conn)
		}
	}
	return slices.DeleteFunc(cut, is), revived
}

func (c *cuts) send(ctx context.Context, mods []openflow.FlowMod) error {
	if c.conn == nil && len(mods) > 0 {
		return errors.New("no connection to the switch")
	}
	for part := range slices.Chunk(mods, bundleMax) {
		if err := c.conn.Bundle(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func tupleOf(c unixctl.Conn) ofrules.Tuple {
	return ofrules.Tuple{Proto: c.Proto, Src: c.Orig.Src, Dst: c.Orig.Dst, SrcPort: c.Orig.SPort, DstPort: c.Orig.DPort}
}

func isICMP(c unixctl.Conn) bool {
	return c.Proto == openflow.ProtoICMP || c.Proto == openflow.ProtoICMPv6
}
