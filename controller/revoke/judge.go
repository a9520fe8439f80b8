package revoke

import (
	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
	"github.com/ringfence/ringfence/verdict"
)

// allowed judges an open connection in the zone of NIC n again. Each end cuts for
// itself, both directions; but where a connection was picked up in mid-stream, and
// who began it is not known, each answers for both.
func allowed(s impact.Judge, n *secgroup.NIC, conn unixctl.Conn) bool {
	return impact.Allowed(s, n, openConn(conn))
}

// openConn is a connection as it is judged.
func openConn(c unixctl.Conn) impact.Conn {
	picked := ofrules.IsPickedUp(c.Labels)
	return impact.Conn{
		Packet: c.First(), Both: picked, EitherWay: picked, Sent: c.Mark == ofrules.MarkUnrestricted || c.Mark == ofrules.MarkBaseline,
	}
}

// begunByOther exchanges the directions of a connection that was picked up in mid-stream,
// if NIC n seems to have begun it. It is called for connections that are to be cut: if n
// counted as the end that began, n's own rules could bring it back.
func begunByOther(s verdict.Policy, n *secgroup.NIC, conn unixctl.Conn) unixctl.Conn {
	if n == nil || !ofrules.IsPickedUp(conn.Labels) {
		return conn
	}
	if sent, _ := impact.Ends(s, n, openConn(conn)); sent {
		conn.Orig, conn.Reply = conn.Reply, conn.Orig
	}
	return conn
}
