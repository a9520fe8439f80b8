package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/bench/internal/changes"
	"github.com/ringfence/ringfence/cmd/bench/internal/host"
	"github.com/ringfence/ringfence/internal/lines"
	"github.com/ringfence/ringfence/internal/workload"
	"github.com/ringfence/ringfence/unixctl"
)

// crowd is how much a switch remembers of packets.
type crowd struct{ megaflows, connections int }

// busy measures rules while the switch has cached megaflows and tracks connections of
// a NIC that they are about.
func (b *bench) busy(ctx context.Context, c crowd) error {
	if c == (crowd{}) {
		return nil
	}
	first := b.load.Ports[0]
	group := workload.GroupID(first.Groups[0])
	if err := b.write.rule(ctx, group, "busy", "egress udp 9 to 0.0.0.0/0", client.Wait(longest)); err != nil {
		return err
	}
	ctl := unixctl.Open(b.host.OVS.RunDir())
	defer ctl.Close()
	// One by one: a dummy port is read of one frame in a turn of ovs-vswitchd, and drops
	// what does not fit into its queue of 100 (lib/netdev-dummy.c).
	send := func(n int, frame func(i int) []byte) error {
		for i := range n {
			if _, err := ctl.Call(ctx, "netdev-dummy/receive", host.PortName(first), fmt.Sprintf("%x", frame(i))); err != nil {
				return err
			}
		}
		return nil
	}
	if err := send(c.connections, func(n int) []byte { return datagram(first, n) }); err != nil {
		return err
	}
	table, err := ctl.ForDatapath(unixctl.DatapathName("netdev")).GetTable(ctx)
	if err != nil {
		return err
	}
	add, del := &changes.Series{Name: "busy_rule_add"}, &changes.Series{Name: "busy_rule_del"}
	for i := range b.reps {
		for _, step := range []struct {
			*changes.Series
			change
		}{
			{add, func(ctx context.Context, i int, opts ...client.CallOption) error {
				return b.write.rule(ctx, group, fmt.Sprintf("busy%d", i), fmt.Sprintf("ingress tcp %d from %s", 21000+i, group), opts...)
			}},
			{del, func(ctx context.Context, i int, opts ...client.CallOption) error {
				return b.write.api.DeleteRule(ctx, account, group, fmt.Sprintf("busy%d", i), opts...)
			}},
		} {
			// Those of before are purged, or have expired.
			if err := send(c.megaflows, func(n int) []byte { return madeUpType(first, n) }); err != nil {
				return err
			}
			if err := b.measure(ctx, step.Series, i, step.change); err != nil {
				return err
			}
		}
	}
	more := lines.Members{"megaflows": c.megaflows, "connections": table.Connections}
	return errors.Join(add.Print(b.lines, more), del.Print(b.lines, more))
}

// madeUpType is a frame from a NIC of a type that nobody else's has: each has a
// megaflow of its own.
func madeUpType(from workload.Endpoint, n int) []byte {
	f := make([]byte, 60)
	copy(f[0:6], from.MAC[:])
	copy(f[6:12], from.MAC[:])
	binary.BigEndian.PutUint16(f[12:], uint16(0x9200+n%0x6000))
	return f
}

// datagram begins a connection from a NIC to an address that nobody else's has.
func datagram(from workload.Endpoint, n int) []byte {
	f := make([]byte, 60)
	copy(f[0:6], []byte{2, 0xff, 0xff, 0xff, 0xff, 0xff})
	copy(f[6:12], from.MAC[:])
	binary.BigEndian.PutUint16(f[12:], 0x0800)
	ip := f[14:34]
	ip[0], ip[8], ip[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(ip[2:], 46)
	copy(ip[12:16], from.Address.AsSlice())
	copy(ip[16:20], []byte{192, 0, byte(n >> 8), byte(n)})
	sum := uint32(0)
	for i := 0; i < len(ip); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(ip[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(ip[10:], ^uint16(sum))
	udp := f[34:]
	binary.BigEndian.PutUint16(udp[0:], 999)
	binary.BigEndian.PutUint16(udp[2:], 9)
	binary.BigEndian.PutUint16(udp[4:], 26)
	return f
}
