// Package ofconn is one OpenFlow 1.5 connection to a bridge of ovs-vswitchd:
// bundles, dumps, barriers, the flow monitor, packets in and out.
//
// One goroutine reads and one writes, so that a bundle of any size streams while
// the switch's errors come in; requests and answers are matched by transaction
// id. The connection does not reconnect: when Done is closed the caller dials
// again and reads back what the switch has.
//
// Sources: the OpenFlow Switch Specification 1.5.1; ovs-vswitchd(8) and the
// "Design Decisions In Open vSwitch" of its documentation.
package ofconn
