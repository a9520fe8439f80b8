package openflow

import (
	"fmt"
	"strconv"
)

// String is the actions as ovs-ofctl dump-flows prints them; "drop" if there
// are none.
func (a Actions) String() string { return string(a.appendText(nil)) }

func (a Actions) appendText(b []byte) []byte {
	if a.IsDrop() {
		return append(b, "drop"...)
	}
	return appendActions(b, a.List())
}

func appendActions(b []byte, list []Action) []byte {
	if len(list) == 0 {
		return append(b, "drop"...)
	}
	for i, a := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendActionText(b, a)
	}
	return b
}

func appendActionText(b []byte, a Action) []byte {
	switch a := a.(type) {
	case Output:
		if a.Port < PortMax {
			b = append(b, "output:"...)
		}
		if b = appendPort(b, a.Port); a.Port == PortController {
			b = strconv.AppendUint(append(b, ':'), uint64(a.MaxLen), 10)
		}
		return b
	case OutputField:
		return appendSubfield(append(b, "output:"...), a.Field, a.Bits)
	case SetField:
		t := a.Field.uintTerm(a.Value, a.Mask)
		return appendSetFieldText(b, t)
	case SetWide:
		return appendSetFieldText(b, Term{field: a.Field, value: a.Value, mask: a.Mask})
	case CopyField:
		b = appendSubfield(append(b, "move:"...), a.Src, a.SrcBits)
		return appendSubfield(append(b, "->"...), a.Dst, a.DstBits)
	case PushVLAN:
		return append(b, "push_vlan:0x8100"...)
	case Resubmit:
		return appendResubmitText(b, a)
	case Goto:
		return strconv.AppendUint(append(b, "goto_table:"...), uint64(a.Table), 10)
	case WriteMetadata:
		b = appendAltHex(append(b, "write_metadata:"...), a.Value)
		if a.Mask != 0 && a.Mask != ^uint64(0) {
			b = appendAltHex(append(b, '/'), a.Mask)
		}
		return b
	case Meter:
		return strconv.AppendUint(append(b, "meter:"...), uint64(a.ID), 10)
	case Group:
		return strconv.AppendUint(append(b, "group:"...), uint64(a.ID), 10)
	case CT:
		return appendCTText(b, a)
	case Conjunction:
		return fmt.Appendf(b, "conjunction(%d,%d/%d)", a.ID, a.Clause, a.Of)
	case Controller:
		return appendControllerText(b, a)
	case Note:
		return appendBytes(append(b, "note:"...), a.Data)
	case Clone:
		return append(appendActions(append(b, "clone("...), a.Actions), ')')
	case Unknown:
		if a.Instruction {
			return append(appendBytes(append(b, "instruction("...), a.Raw), ')')
		}
		return append(appendBytes(append(b, "action("...), a.Raw), ')')
	}
	return append(b, actionName(a)...) // pop_vlan, dec_ttl, ct_clear
}

func appendSetFieldText(b []byte, t Term) []byte {
	if t.mask == (wide{}) {
		t.mask = t.field.FullMask()
	}
	b = appendValue(append(b, "set_field:"...), &t)
	return append(append(b, "->"...), t.field.spec().name...)
}

// appendSubfield adds a field's bits: NXM_NX_REG0[], [3], [0..15].
func appendSubfield(b []byte, f Field, r Range) []byte {
	b = append(append(b, f.spec().nxm...), '[')
	switch {
	case r.Offset == 0 && (r.Width == 0 || int(r.Width) == f.subBits()):
	case r.Width == 1:
		b = strconv.AppendUint(b, uint64(r.Offset), 10)
	default:
		last := int(r.Offset) + int(r.Width) - 1
		if r.Width == 0 {
			last = f.subBits() - 1
		}
		b = fmt.Appendf(b, "%d..%d", r.Offset, last)
	}
	return append(b, ']')
}

func appendResubmitText(b []byte, a Resubmit) []byte {
	port := a.InPort != 0 && a.InPort != PortInPort
	if port && a.Table == 255 && !a.WithCT {
		return appendPort(append(b, "resubmit:"...), a.InPort)
	}
	b = append(b, "resubmit("...)
	if port {
		b = appendPort(b, a.InPort)
	}
	b = append(b, ',')
	if a.Table != 255 {
		b = strconv.AppendUint(b, uint64(a.Table), 10)
	}
	if a.WithCT {
		b = append(b, ",ct"...)
	}
	return append(b, ')')
}

func appendCTText(b []byte, a CT) []byte {
	b = append(b, "ct("...)
	start := len(b)
	if a.Commit {
		b = append(b, "commit,"...)
	}
	if a.Force {
		b = append(b, "force,"...)
	}
	if a.Table != NoTable {
		b = fmt.Appendf(b, "table=%d,", a.Table)
	}
	if a.ZoneField != 0 {
		r := a.ZoneBits
		if r == (Range{}) {
			r.Width = 16
		}
		b = append(appendSubfield(append(b, "zone="...), a.ZoneField, r), ',')
	} else if a.Zone != 0 {
		b = fmt.Appendf(b, "zone=%d,", a.Zone)
	}
	if len(a.Exec) > 0 {
		b = append(appendActions(append(b, "exec("...), a.Exec), "),"...)
	}
	switch a.ALG {
	case 0:
	case 21:
		b = append(b, "alg=ftp,"...)
	case 69:
		b = append(b, "alg=tftp,"...)
	default:
		b = fmt.Appendf(b, "alg=%d,", a.ALG)
	}
	if len(b) > start {
		b = b[:len(b)-1]
	}
	return append(b, ')')
}

var reasonNames = [...]string{
	ReasonNoMatch: "no_match", ReasonAction: "action", ReasonInvalidTTL: "invalid_ttl",
	ReasonActionSet: "action_set", ReasonGroup: "group", ReasonPacketOut: "packet_out",
}

// String is the reason's word in ovs-actions(7), or its number.
func (r PacketInReason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return strconv.Itoa(int(r))
}

func appendControllerText(b []byte, a Controller) []byte {
	if o, ok := a.simplify().(Output); ok {
		return appendActionText(b, o)
	}
	b = append(b, "controller("...)
	if a.Reason != ReasonAction {
		b = fmt.Appendf(b, "reason=%s,", a.Reason)
	}
	if a.MaxLen != NoBuffer {
		b = fmt.Appendf(b, "max_len=%d,", a.MaxLen)
	}
	if a.ID != 0 {
		b = fmt.Appendf(b, "id=%d,", a.ID)
	}
	if len(a.UserData) > 0 {
		b = append(appendBytes(append(b, "userdata="...), a.UserData), ',')
	}
	if a.Pause {
		b = append(b, "pause,"...)
	}
	if a.Meter != 0 {
		b = fmt.Appendf(b, "meter_id=%d,", a.Meter)
	}
	return append(b[:len(b)-1], ')')
}
