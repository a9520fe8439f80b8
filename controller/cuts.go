package controller

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
	"github.com/ringfence/ringfence/verdict"
)

// How long a connection is kept cut: until both ends were silent for a while,
// which for TCP is longer than the pauses between retransmissions (RFC 6298
// §5.5, 120 s in Linux), and no longer than TCP tries.
const (
	cutIdle    = 60 * time.Second
	cutIdleTCP = 150 * time.Second
	cutMost    = 20 * time.Minute
)

// cuts keeps connections cut whose ends go on sending (see ofrules.Cut), until
// they fall silent or are allowed again. The flows end by themselves; what is
// remembered of them is for the second case. Only the sweeper's goroutine uses
// it.
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

// meet takes up a switch, and what a former run keeps cut there.
func (c *cuts) meet(ctx context.Context, j job) error {
	if j.conn == c.conn {
		return nil
	}
	stats, err := j.conn.Dump(ctx, ofrules.CutCookie, ofrules.KindMask)
	if err != nil {
		return err
	}
	c.conn, c.kept = j.conn, map[cutKey]cut{}
	zones := map[uint32]uint16{}
	for zone, nic := range j.nics {
		zones[j.ports[nic].OFPort] = zone
	}
	var strange []openflow.FlowMod
	for _, f := range stats {
		is, ok := ofrules.ParseCut(f.Flow)
		zone, here := zones[is.OFPort]
		if !ok || !here {
			strange = append(strange, openflow.DeleteFlow(f.Flow.Key()))
			continue
		}
		conn := connOf(zone, is)
		k := cutKey{zone, tupleOf(conn)}
		c.kept[k] = cut{j.nics[zone], conn, append(c.kept[k].flows, f.Flow), time.Now().Add(cutMost)}
	}
	return c.send(ctx, strange)
}

// keep puts flows in place for connections that are about to be deleted, where
// their packets would be admitted as new ones. ICMP needs none: an answer begins
// no connection.
func (c *cuts) keep(ctx context.Context, j job, read func(func(*secgroup.Snapshot)), conns []unixctl.Conn) error {
	var mods []openflow.FlowMod
	read(func(s *secgroup.Snapshot) {
		for _, conn := range conns {
			nic := j.nics[conn.Zone]
			n, port := s.NIC(nic), j.ports[nic]
			if n == nil || port.OFPort == 0 || isICMP(conn) || closing(conn) {
				continue
			}
			began, _ := ends(s, n, conn)
			is := ofrules.Cut{OFPort: port.OFPort, Sends: tupleOf(conn), Began: began}
			if !began {
				is.Sends = is.Sends.Reverse()
			}
			var flows []openflow.Flow
			if verdict.Egress(s, n, packetOf(connOf(conn.Zone, ofrules.Cut{Sends: is.Sends, Began: true}))).Allow {
				flows = append(flows, is.Egress()...)
			}
			if verdict.Ingress(s, n, packetOf(connOf(conn.Zone, ofrules.Cut{Sends: is.Sends}))).Allow {
				flows = append(flows, is.Ingress()...)
			}
			c.kept[cutKey{conn.Zone, tupleOf(conn)}] = cut{nic, conn, flows, time.Now().Add(cutMost)}
			idle := cutIdle
			if conn.Proto == openflow.ProtoTCP {
				idle = cutIdleTCP
			}
			for _, f := range flows {
				mods = append(mods, openflow.FlowMod{
					Command: openflow.FlowAdd, Flow: f,
					IdleTimeout: uint16(idle.Seconds()), HardTimeout: uint16(cutMost.Seconds()),
				})
			}
		}
	})
	return c.send(ctx, mods)
}

// review lets go what is allowed again.
func (c *cuts) review(ctx context.Context, read func(func(*secgroup.Snapshot))) error {
	if len(c.kept) == 0 {
		return nil
	}
	var mods []openflow.FlowMod
	read(func(s *secgroup.Snapshot) {
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

// connOf is the connection that a cut is about.
func connOf(zone uint16, c ofrules.Cut) unixctl.Conn {
	t := c.Sends
	if !c.Began {
		t = t.Reverse()
	}
	return unixctl.Conn{Proto: t.Proto, Zone: zone, Orig: unixctl.Tuple{Src: t.Src, Dst: t.Dst, SPort: t.SrcPort, DPort: t.DstPort}}
}

func isICMP(c unixctl.Conn) bool {
	return c.Proto == openflow.ProtoICMP || c.Proto == openflow.ProtoICMPv6
}

// closing tells whether a TCP connection is at its end: nobody goes on sending.
func closing(c unixctl.Conn) bool {
	return strings.HasPrefix(c.State, "CLOS") || c.State == "TIME_WAIT" || c.State == "LAST_ACK"
}
