package ofsim

import (
	"fmt"
	"slices"

	"github.com/ringfence/ringfence/openflow"
)

// execute runs an action list on the packet (do_xlate_actions() in OVS).
func (w *walk) execute(actions []openflow.Action) error {
	for _, a := range actions {
		if _, ok := a.(openflow.DecTTL); ok && !w.decTTL() {
			return nil // the rest of this list is not executed
		}
		if err := w.act(a); err != nil {
			return err
		}
	}
	return nil
}

// act runs one action, but for the end that an exceeded TTL makes of its list.
func (w *walk) act(a openflow.Action) error {
	switch a := a.(type) {
	case openflow.Output:
		w.output(a.Port, a.MaxLen)
	case openflow.OutputField:
		port := w.packet.bits(a.Field, a.Bits)
		if port.hi != 0 || port.lo > 0xffff {
			w.note("output port %d of %s is out of range: ignored", port.lo, a.Field)
			return nil
		}
		w.output(widenPort(uint16(port.lo)), openflow.NoBuffer)
	case openflow.SetField:
		mask := a.Mask
		if mask == 0 {
			mask = value128From(a.Field.FullMask()).lo
		}
		w.setField(a.Field, value128{lo: a.Value}, value128{lo: mask})
	case openflow.SetWide:
		mask := a.Mask
		if mask == ([16]byte{}) {
			mask = a.Field.FullMask()
		}
		w.setField(a.Field, value128From(a.Value), value128From(mask))
	case openflow.WriteMetadata:
		return w.act(openflow.SetField{Field: openflow.Metadata, Value: a.Value, Mask: a.Mask})
	case openflow.CopyField:
		w.copyField(a)
	case openflow.PushVLAN:
		w.packet.pushVLAN()
	case openflow.PopVLAN:
		w.packet.popVLAN()
	case openflow.Resubmit:
		return w.resubmit(a)
	case openflow.Goto:
		return w.enter(a.Table, 0)
	case openflow.CT:
		return w.conntrack(a)
	case openflow.CTClear:
		if w.tracked {
			w.packet.clearConntrack()
			w.tracked = false
		}
	case openflow.Controller:
		if a.Pause {
			return fmt.Errorf("table %d: controller(pause): %w", w.table, ErrNotSimulated)
		}
		w.result.ToController = append(w.result.ToController, SentToController{a, w.packet})
	case openflow.Clone:
		return w.clone(a.Actions)
	case openflow.DecTTL, openflow.Meter, openflow.Note, openflow.Conjunction:
	default:
		return fmt.Errorf("table %d: %T: %w", w.table, a, ErrNotSimulated)
	}
	return nil
}

func (w *walk) resubmit(a openflow.Resubmit) error {
	if a.WithCT {
		return fmt.Errorf("table %d: resubmit(ct): %w", w.table, ErrNotSimulated)
	}
	table := a.Table
	if table == 255 { // the table of this flow
		table = w.table
	}
	if a.InPort == openflow.PortInPort {
		return w.enter(table, 0)
	}
	return w.enter(table, a.InPort)
}

// clone runs actions on a copy. OVS restores what it knows of tracking only if
// the datapath has to make the copy, for a ct or meter in the list; else a
// ct_clear after the clone does nothing if one inside it, or in a table it
// resubmitted to, was executed.
func (w *walk) clone(actions []openflow.Action) error {
	packet, tracked := w.packet, w.tracked
	err := w.execute(actions)
	w.packet = packet
	if slices.ContainsFunc(actions, func(a openflow.Action) bool {
		switch a.(type) {
		case openflow.CT, openflow.Meter:
			return true
		}
		return false
	}) {
		w.tracked = tracked
	}
	return err
}

// decTTL reports whether the packet lives on; if not, it goes to the controller.
func (w *walk) decTTL() bool {
	if !w.packet.has(openflow.IPTTL) {
		return true
	}
	if ttl := w.packet.Uint(openflow.IPTTL); ttl > 1 {
		w.packet.fields[openflow.IPTTL].lo = ttl - 1
		return true
	}
	w.note("dec_ttl: the TTL is exceeded")
	w.result.ToController = append(w.result.ToController,
		SentToController{openflow.Controller{MaxLen: openflow.NoBuffer, Reason: openflow.ReasonInvalidTTL}, w.packet})
	return false
}

// widenPort is a 16-bit ofport of a register as OpenFlow 1.5 numbers it.
func widenPort(port uint16) uint32 {
	if port >= 0xff00 {
		return uint32(port) | 0xffff0000
	}
	return uint32(port)
}

// output sends the packet to a port, and as OVS does not back to the one that it came
// in by, unless the action says so by name.
func (w *walk) output(port uint32, maxLen uint16) {
	in := uint32(w.packet.Uint(openflow.InPort))
	switch port {
	case openflow.PortInPort:
		port = in
	case 0, openflow.PortAny: // no port has these numbers
		w.note("output to port %d: ignored", port)
		return
	case openflow.PortController:
		w.result.ToController = append(w.result.ToController, SentToController{openflow.Controller{MaxLen: maxLen}, w.packet})
		return
	case in:
		w.note("output to %s: skipped, it is the input port", openflow.PortName(port))
		return
	}
	w.note("output to %s", openflow.PortName(port))
	w.result.Outputs = append(w.result.Outputs, SentPacket{port, w.packet})
}

func (w *walk) setField(f openflow.Field, value, mask value128) {
	if !w.packet.has(f) {
		w.note("set_field %s: ignored, the packet has no such field", f)
		return
	}
	w.packet.fields[f] = w.packet.fields[f].andNot(mask).or(value.and(mask))
}

func (w *walk) copyField(a openflow.CopyField) {
	if !w.packet.has(a.Src) || !w.packet.has(a.Dst) {
		w.note("copy_field %s to %s: ignored, the packet has no such field", a.Src, a.Dst)
		return
	}
	w.packet.setBits(a.Dst, a.DstBits, w.packet.bits(a.Src, a.SrcBits))
}

// conntrack is the ct action. The fields ct_* are there for the recirculated
// packet only: for the actions that follow, the packet is untracked again.
func (w *walk) conntrack(a openflow.CT) error {
	zone := a.Zone
	if a.ZoneField != 0 {
		from := a.ZoneBits
		if from.Width == 0 {
			from.Width = 16
		}
		zone = uint16(w.packet.bits(a.ZoneField, from).lo)
	}
	if err := w.execute(a.Exec); err != nil {
		return err
	}
	if a.Commit {
		w.note("commit in zone %d, mark %#x", zone, w.packet.Uint(openflow.CTMark))
		w.result.Commits = append(w.result.Commits, Commit{
			Zone: zone, Force: a.Force, Packet: w.packet,
			Mark: uint32(w.packet.Uint(openflow.CTMark)), Label: w.packet.fields[openflow.CTLabel].bytes()})
	}
	if a.Table >= 0 {
		if w.nested >= maxRecirculations {
			return fmt.Errorf("table %d: %w: over %d recirculations", w.table, ErrTooDeep, maxRecirculations)
		}
		w.note("ct(zone=%d): to table %d", zone, a.Table)
		w.forks = append(w.forks, fork{w.track(zone), uint8(a.Table), w.nested + 1})
	}
	w.packet.clearConntrack()
	w.tracked = false
	return nil
}

// track returns the packet as the connection tracker hands it on.
func (w *walk) track(zone uint16) Packet {
	p := w.packet
	p.fields[openflow.CTZone] = value128{lo: uint64(zone)}
	p.fields[openflow.CTState] = value128{lo: openflow.CTTrk | openflow.CTNew}
	if w.opts.Conntrack != nil {
		state, mark, label := w.opts.Conntrack(zone, w.packet)
		p.fields[openflow.CTState] = value128{lo: uint64(state)}
		p.fields[openflow.CTMark] = value128{lo: uint64(mark)}
		p.fields[openflow.CTLabel] = value128From(label)
	}
	return p
}
