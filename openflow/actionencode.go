package openflow

import (
	"fmt"

	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// Action numbers of OpenFlow 1.5 §7.2.6.
const (
	actOutput       = 0
	actPushVLAN     = 17
	actPopVLAN      = 18
	actGroup        = 22
	actDecTTL       = 24
	actSetField     = 25
	actCopyField    = 28
	actMeter        = 29
	actExperimenter = 0xffff
)

// Subtypes of Nicira's actions (ovs-actions(7), lib/ofp-actions.c).
const (
	nxResubmit      = 1
	nxNote          = 8
	nxResubmitTable = 14
	nxOutputReg     = 15
	nxController    = 20
	nxOutputReg2    = 32
	nxConjunction   = 34
	nxCT            = 35
	nxController2   = 37
	nxClone         = 42
	nxCTClear       = 43
	nxResubmitCT    = 44
)

// Flags of NXAST_CT and properties of NXAST_CONTROLLER2.
const (
	ctFlagCommit = 1 << 0
	ctFlagForce  = 1 << 1
	ctNoTable    = 0xff

	ctlMaxLen   = 0
	ctlID       = 1
	ctlReason   = 2
	ctlUserData = 3
	ctlPause    = 4
	ctlMeter    = 5
)

// actionContext is where an action stands: some are allowed only in some places.
type actionContext uint8

const (
	inFlow actionContext = iota
	inCT
	inClone
)

// appendAction adds one action, after checking it as the switch would.
func appendAction(b []byte, a Action, in actionContext) ([]byte, error) {
	start := len(b)
	switch a := a.(type) {
	case SetField:
		t := a.Field.uintTerm(a.Value, a.Mask)
		if a.Mask == 0 {
			t = a.Field.uintTerm(a.Value, a.Field.fullUint())
		}
		if a.Field.Len() > 8 {
			return nil, fmt.Errorf("openflow: set_field: %s has more than 64 bits: use SetWide", a.Field)
		}
		return appendSetField(b, t, in)
	case SetWide:
		t := Term{field: a.Field, value: a.Value, mask: a.Mask}
		if t.mask == (wide{}) {
			t.mask = a.Field.FullMask()
		}
		if a.Field.Len() <= 8 {
			return nil, fmt.Errorf("openflow: set_field: %s has no more than 64 bits: use SetField", a.Field)
		}
		return appendSetField(b, t, in)
	case Unknown:
		if err := a.check(false); err != nil {
			return nil, err
		}
		return append(b, a.Raw...), nil
	}
	if _, move := a.(CopyField); in == inCT && !move {
		return nil, fmt.Errorf("openflow: %s cannot stand in ct(exec(…))", actionName(a))
	}
	switch a := a.(type) {
	case Output:
		if !ValidPort(a.Port) {
			return nil, fmt.Errorf("openflow: output: no port %#x", a.Port)
		}
		maxLen := a.MaxLen
		if a.Port != PortController {
			maxLen = 0
		}
		b = octets.Put32(append(b, 0, actOutput, 0, 16), a.Port)
		return octets.Zeros(octets.Put16(b, maxLen), 6), nil
	case OutputField:
		bits, err := a.Field.sub(a.Bits)
		if err != nil {
			return nil, fmt.Errorf("openflow: output: %w", err)
		}
		b = octets.Put16(nicira(b, 24, nxOutputReg), bits)
		b = appendHeader(b, a.Field, false)
		return octets.Zeros(octets.Put16(b, NoBuffer), 6), nil
	case CopyField:
		return appendCopyField(b, a, in)
	case PushVLAN:
		return octets.Zeros(octets.Put16(append(b, 0, actPushVLAN, 0, 8), EthTypeVLAN), 2), nil
	case PopVLAN:
		return append(b, 0, actPopVLAN, 0, 8, 0, 0, 0, 0), nil
	case DecTTL:
		return append(b, 0, actDecTTL, 0, 8, 0, 0, 0, 0), nil
	case Meter:
		if in != inFlow {
			return nil, fmt.Errorf("openflow: meter cannot stand inside another action")
		}
		return octets.Put32(append(b, 0, actMeter, 0, 8), a.ID), nil
	case Group:
		return octets.Put32(append(b, 0, actGroup, 0, 8), a.ID), nil
	case Resubmit:
		return appendResubmit(b, a)
	case CT:
		return appendCT(b, a)
	case CTClear:
		return octets.Zeros(nicira(b, 16, nxCTClear), 6), nil
	case Conjunction:
		if a.Of < 2 || a.Of > 64 || a.Clause < 1 || a.Clause > a.Of {
			return nil, fmt.Errorf("openflow: conjunction %d: clause %d/%d: 1/2 to 64/64 are possible", a.ID, a.Clause, a.Of)
		}
		return octets.Put32(append(nicira(b, 16, nxConjunction), a.Clause-1, a.Of), a.ID), nil
	case Controller:
		return appendController(b, a)
	case Note:
		b = octets.Pad8(append(nicira(b, 0, nxNote), a.Data...), start)
		if len(b)-start > maxInstructions {
			return nil, fmt.Errorf("openflow: note: %w", ErrTooLong)
		}
		octets.SetLen(b[start:], len(b)-start)
		return b, nil
	case Clone:
		return appendNested(octets.Zeros(nicira(b, 0, nxClone), 6), start, a.Actions, inClone)
	}
	return nil, fmt.Errorf("openflow: %s cannot stand here", actionName(a))
}

// nicira starts a Nicira action of n bytes.
func nicira(b []byte, n, subtype uint16) []byte {
	b = octets.Put16(append(b, 0xff, 0xff), n)
	return octets.Put16(octets.Put32(b, octets.Nicira), subtype)
}

// appendNested adds the actions inside the action that starts at start.
func appendNested(b []byte, start int, list []Action, in actionContext) ([]byte, error) {
	var err error
	for _, a := range list {
		if b, err = appendAction(b, a, in); err != nil {
			return nil, err
		}
		if len(b)-start > maxInstructions {
			return nil, fmt.Errorf("openflow: nested actions: %w", ErrTooLong)
		}
	}
	octets.SetLen(b[start:], len(b)-start)
	return b, nil
}

func appendSetField(b []byte, t Term, in actionContext) ([]byte, error) {
	f := t.field
	if t.fault != faultNone && t.fault != faultMask || !f.Valid() {
		return nil, fmt.Errorf("openflow: set_field: %w", t.Err())
	}
	if f == InPort {
		return nil, fmt.Errorf("openflow: set_field: %s cannot be written", f)
	}
	if err := f.writableIn(in); err != nil {
		return nil, fmt.Errorf("openflow: set_field: %w", err)
	}
	full := f.FullMask()
	for i := range t.value {
		if t.mask[i]&^full[i] != 0 || t.value[i]&^full[i] != 0 {
			return nil, fmt.Errorf("openflow: set_field: %s is given %s", f, faultRange)
		}
		t.value[i] &= t.mask[i]
	}
	if f == VlanVID && (t.value[14]&t.mask[14])&(VlanPresent>>8) == 0 {
		return nil, fmt.Errorf("openflow: set_field: vlan_vid needs %#x in value and mask", VlanPresent)
	}
	start := len(b)
	b = appendTerm(append(b, 0, actSetField, 0, 0), &t)
	b = octets.Pad8(b, start)
	octets.SetLen(b[start:], len(b)-start)
	return b, nil
}

// writableIn checks that an action at this place may write the field: the
// fields of a connection are written inside ct(exec(…)), and only those.
func (f Field) writableIn(in actionContext) error {
	switch ct := f == CTMark || f == CTLabel; {
	case !f.Writable():
		return fmt.Errorf("%s cannot be written", f)
	case ct && in != inCT:
		return fmt.Errorf("%s can be written only in ct(exec(…))", f)
	case !ct && in == inCT:
		return fmt.Errorf("%s cannot be written in ct(exec(…))", f)
	}
	return nil
}

// sub is a Range of the field as Nicira's ofs_nbits: offset<<6 | width-1.
func (f Field) sub(r Range) (uint16, error) {
	r, err := f.resolve(r)
	if err != nil {
		return 0, err
	}
	if r.Width > 64 {
		return 0, fmt.Errorf("%d bits of %s are too many", r.Width, f)
	}
	return uint16(r.Offset)<<6 | uint16(r.Width-1), nil
}

// resolve makes the width of a Range explicit and checks it.
func (f Field) resolve(r Range) (Range, error) {
	if !f.Valid() {
		return r, fmt.Errorf("unknown field %d", f)
	}
	size := f.subBits()
	if int(r.Offset) >= size || int(r.Offset)+int(r.Width) > size {
		return r, fmt.Errorf("%s has no bits %d to %d", f, r.Offset, int(r.Offset)+int(r.Width)-1)
	}
	if r.Width == 0 {
		r.Width = uint8(size) - r.Offset
	}
	return r, nil
}

// subBits is how many bits of the field a Range can speak of: Open vSwitch
// counts some fields otherwise there than in matches.
func (f Field) subBits() int {
	switch f {
	case VlanVID:
		return 12
	case CTState:
		return 32
	}
	return f.Bits()
}
