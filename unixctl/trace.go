package unixctl

import (
	"context"
	"encoding/hex"
)

// TraceOptions refine a trace, ovs-vswitchd(8) "ofproto/trace".
type TraceOptions struct {
	// CTNext are the conntrack states of the first, second, … recirculation
	// after a ct action, such as "trk,est"; without one it is "trk,new".
	CTNext []string
	// Names prints ports and tables by name.
	Names bool
	// Packet is an Ethernet frame to trace instead of a flow alone; the flow
	// then gives the metadata (in_port, …) only.
	Packet []byte
}

// Trace traces a packet through a bridge and returns the text of
// ofproto/trace. The flow is in ovs-ofctl syntax, "in_port=1,tcp,nw_src=…".
// Nothing is sent and no conntrack state changes.
func (c *Client) Trace(ctx context.Context, bridge, flow string, o TraceOptions) (string, error) {
	args := []string{bridge, flow}
	if len(o.Packet) > 0 {
		args = append(args, hex.EncodeToString(o.Packet))
	}
	for _, state := range o.CTNext {
		args = append(args, "--ct-next", state)
	}
	if o.Names {
		args = append(args, "--names")
	}
	return c.Call(ctx, "ofproto/trace", args...)
}
