package unixctl

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/ringfence/ringfence/packet"
)

// Conn is one tracked connection.
type Conn struct {
	Proto  uint8 // IP protocol
	Orig   Tuple // as its first packet travels, before any NAT
	Reply  Tuple // as the answers travel
	Zone   uint16
	Mark   uint32
	Labels [16]byte // big-endian
	// State is the TCP or SCTP state, such as "ESTABLISHED"; empty for others.
	State   string
	Timeout time.Duration // until it expires unless packets arrive; whole seconds
	// Sent and Received count the packets of the two directions, and Start is
	// when the first came. The userspace datapath has neither; the kernel has
	// them with the sysctls net.netfilter.nf_conntrack_acct and
	// nf_conntrack_timestamp set. What is not known is zero.
	Sent, Received Count
	Start          time.Time
}

// First is the packet that began the connection.
func (c *Conn) First() packet.Tuple {
	return packet.Tuple{
		Src: c.Orig.Src, Dst: c.Orig.Dst, Proto: c.Proto, SrcPort: c.Orig.SPort, DstPort: c.Orig.DPort,
		ICMPType: c.Orig.ICMPType, ICMPCode: c.Orig.ICMPCode,
	}
}

// Count is what one direction of a connection carried.
type Count struct{ Packets, Bytes uint64 }

// Tuple is one direction of a connection. Ports belong to TCP, UDP, SCTP,
// DCCP and UDP-Lite; they are 0 for protocols whose ports the datapath does
// not track (the userspace one leaves out SCTP's). ICMP and ICMPv6 have the
// other three.
type Tuple struct {
	Src, Dst     netip.Addr
	SPort, DPort uint16
	ICMPID       uint16
	ICMPType     uint8
	ICMPCode     uint8
}

// DumpConntrack lists the connections of one zone. Lines of the answer that
// make no sense are reported in an error of type *DumpError; the connections
// returned beside it are all the others.
func (c *Client) DumpConntrack(ctx context.Context, zone uint16) ([]Conn, error) {
	return c.dumpConntrack(ctx, zoneArg(zone))
}

// DumpAllConntrack lists the connections of every zone, with errors as
// DumpConntrack. The userspace datapath walks through all of them in either
// case, so for many zones this is the cheaper call.
func (c *Client) DumpAllConntrack(ctx context.Context) ([]Conn, error) {
	return c.dumpConntrack(ctx)
}

func (c *Client) dumpConntrack(ctx context.Context, args ...string) ([]Conn, error) {
	const command = "dump-conntrack"
	text, err := c.dpctl(ctx, command, []string{"-s"}, args...)
	if err != nil {
		return nil, err
	}
	conns, err := parseConns(text)
	if err != nil {
		return conns, &OpError{Op: "dpctl/" + command, Err: err}
	}
	return conns, nil
}

// DumpError is about lines of a dump that could not be read.
type DumpError struct {
	Count int   // how many lines
	First error // why, for the first of them
}

func (e *DumpError) Error() string {
	return fmt.Sprintf("%d unreadable lines; the first: %v", e.Count, e.First)
}

// Unwrap returns the first cause.
func (e *DumpError) Unwrap() error { return e.First }

func parseConns(text string) ([]Conn, error) {
	conns := make([]Conn, 0, strings.Count(text, "\n"))
	var bad DumpError
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			continue
		}
		conn, err := ParseConn(line)
		if err != nil {
			if bad.Count++; bad.First == nil {
				bad.First = err
			}
			continue
		}
		conns = append(conns, conn)
	}
	if bad.Count > 0 {
		return conns, &bad
	}
	return conns, nil
}

// FlushConntrack deletes one connection, in its zone and by its original
// tuple. One that does not exist (any more) is no error.
//
// Where the tuple has no ports, all connections of that protocol between the
// two addresses in that zone go: the datapath knows them apart as little.
//
// The userspace datapath aborts the whole ovs-vswitchd on ICMPv6 tuples before
// OVS 2.17.10, 3.0.7, 3.1.5, 3.2.3, 3.3.1 and 3.4.0, and on ICMP types that
// begin no connection in all releases. FlushConntrack then refuses with
// ErrFlushUnsafe.
//
// The kernel's connections can be flushed one by one only if they are of TCP,
// UDP, ICMP or ICMPv6 (lib/netlink-conntrack.c, nl_ct_put_tuple_proto()): for
// others the error is ErrFlushUnsupported. FlushZone can.
func (c *Client) FlushConntrack(ctx context.Context, conn Conn) error {
	const op = "dpctl/flush-conntrack"
	tuple, err := flushTuple(conn.Proto, conn.Orig)
	if err != nil {
		return &OpError{Op: op, Err: err}
	}
	v, err := c.version(ctx)
	if err != nil {
		return err
	}
	if c.userspace() && !flushSafe(v, conn.Proto, conn.Orig) {
		return &OpError{Op: op, Err: fmt.Errorf("%w: %s of OVS %s", ErrFlushUnsafe, tuple, v)}
	}
	err = c.flush(ctx, v, zoneArg(conn.Zone), tuple)
	var refused *Error
	if !c.userspace() && errors.As(err, &refused) && strings.Contains(refused.Text, "(Operation not supported)") {
		return &OpError{Op: op, Err: fmt.Errorf("%w: %s", ErrFlushUnsupported, tuple)}
	}
	return err
}

// CheckTracking fails where the switch cannot reach its connections. Dumps and
// flushes of zones do not tell (OVS 3.1): they find none. It asks for a
// connection to be deleted that is not there, which does.
func (c *Client) CheckTracking(ctx context.Context) error {
	local := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	err := c.FlushConntrack(ctx, Conn{Proto: packet.ProtoTCP, Zone: 1<<16 - 1, Orig: Tuple{Src: local, Dst: local, SPort: 1, DPort: 1}})
	if err == nil {
		return nil
	}
	if c.userspace() {
		return fmt.Errorf("the switch cannot reach its connections: %w", err)
	}
	return fmt.Errorf("the switch cannot reach the kernel's connections (is the module nf_conntrack_netlink there?): %w", err)
}

// FlushZone deletes all connections of a zone.
func (c *Client) FlushZone(ctx context.Context, zone uint16) error {
	v, err := c.version(ctx)
	if err != nil {
		return err
	}
	return c.flush(ctx, v, zoneArg(zone))
}

func (c *Client) flush(ctx context.Context, v Version, args ...string) error {
	// 3.1.0 takes a datapath's name for a tuple (fixed in 3.1.1).
	if v == (Version{3, 1, 0}) {
		c = c.ForDatapath("")
	}
	_, err := c.dpctl(ctx, "flush-conntrack", nil, args...)
	var refused *Error
	if errors.As(err, &refused) && strings.Contains(refused.Text, "(No such file or directory)") {
		return nil
	}
	return err
}

func zoneArg(zone uint16) string { return "zone=" + strconv.FormatUint(uint64(zone), 10) }

// flushTuple writes a tuple as dpctl/flush-conntrack reads it.
func flushTuple(proto uint8, t Tuple) (string, error) {
	if !t.Src.IsValid() || !t.Dst.IsValid() || t.Src.Is4() != t.Dst.Is4() || t.Src.Zone()+t.Dst.Zone() != "" {
		return "", fmt.Errorf("%v and %v are not the addresses of one connection", t.Src, t.Dst)
	}
	family := "ipv6"
	if t.Src.Is4() {
		family = "nw"
	}
	s := fmt.Sprintf("ct_%s_src=%s,ct_%s_dst=%s,ct_nw_proto=%d", family, t.Src, family, t.Dst, proto)
	switch {
	case proto == packet.ProtoICMP || proto == packet.ProtoICMPv6:
		s += fmt.Sprintf(",icmp_id=%d,icmp_type=%d,icmp_code=%d", t.ICMPID, t.ICMPType, t.ICMPCode)
	case t.SPort != 0 || t.DPort != 0:
		s += fmt.Sprintf(",ct_tp_src=%d,ct_tp_dst=%d", t.SPort, t.DPort)
	}
	return s, nil
}

// Kernel tells whether the datapath is known to be the kernel's.
func (c *Client) Kernel() bool { return !c.userspace() }

// userspace is true unless the datapath is known to be the kernel's.
func (c *Client) userspace() bool { return !strings.HasPrefix(c.datapath, "system@") }

// flushSafe tells whether the userspace datapath survives a flush of the
// tuple: lib/conntrack.c, tuple_to_conn_key() and reverse_icmp_type().
func flushSafe(v Version, proto uint8, t Tuple) bool {
	switch proto {
	case packet.ProtoICMP:
		switch t.ICMPType {
		case 0, 8, 13, 14, 15, 16: // echo, timestamp, information
			return true
		}
		return false
	case packet.ProtoICMPv6:
		if t.ICMPType != icmpv6EchoRequest && t.ICMPType != icmpv6EchoReply {
			return false
		}
		for _, fixed := range []Version{{2, 17, 10}, {3, 0, 7}, {3, 1, 5}, {3, 2, 3}, {3, 3, 1}} {
			if v.Major == fixed.Major && v.Minor == fixed.Minor {
				return v.Compare(fixed) >= 0
			}
		}
		return v.Compare(Version{3, 4, 0}) >= 0
	}
	return true
}
