package openflow

import (
	"fmt"
	"strconv"
)

// Flow is a flow entry without counters and timeouts. Two Flows are equal (==)
// exactly if they are in the same place, match the same packets in the same
// words, do the same and have the same cookie.
type Flow struct {
	Table    uint8
	Priority uint16
	Cookie   uint64
	Match    Match
	Actions  Actions
}

// FlowKey identifies a flow in a switch: a second flow with the same key
// replaces the first.
type FlowKey struct {
	Table    uint8
	Priority uint16
	Match    Match
}

// Key is what identifies the flow in a switch.
func (f Flow) Key() FlowKey { return FlowKey{f.Table, f.Priority, f.Match} }

// String is the key as ovs-ofctl prints flows.
func (k FlowKey) String() string {
	b := fmt.Appendf(nil, "table=%d, ", k.Table)
	b = appendRule(b, k.Priority, k.Match)
	if b[len(b)-1] == ' ' {
		b = b[:len(b)-2] // neither priority nor match: nothing follows the table
	}
	return string(b)
}

// String is the flow as ovs-ofctl dump-flows prints it, without the counters:
// "cookie=0x1, table=5, priority=100,tcp,tp_dst=80 actions=resubmit(,6)".
func (f Flow) String() string {
	b := make([]byte, 0, 160)
	b = strconv.AppendUint(append(b, "cookie=0x"...), f.Cookie, 16)
	b = fmt.Appendf(b, ", table=%d, ", f.Table)
	n := len(b)
	if b = appendRule(b, f.Priority, f.Match); len(b) > n {
		b = append(b, ' ')
	}
	return string(f.Actions.appendText(append(b, "actions="...)))
}

// appendRule adds priority and match; nothing for the default priority and a
// match of everything.
func appendRule(b []byte, priority uint16, m Match) []byte {
	n := len(b)
	if priority != DefaultPriority {
		b = fmt.Appendf(b, "priority=%d,", priority)
	}
	b = m.appendText(b)
	if len(b) > n && b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	return b
}
