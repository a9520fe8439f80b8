package openflow

import (
	"fmt"

	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// decodeNicira decodes an action of Nicira's; b is all of it, at least 10 bytes.
func decodeNicira(b []byte, depth int) (Action, error) {
	r := octets.Reader{B: b[8:]}
	var a Action
	switch subtype := r.U16(); subtype {
	case nxResubmitTable, nxResubmitCT:
		port := port32(r.U16())
		if port == PortInPort {
			port = 0
		}
		a = Resubmit{Table: r.U8(), InPort: port, WithCT: subtype == nxResubmitCT}
	case nxResubmit:
		port := port32(r.U16())
		if port == PortInPort {
			port = 0
		}
		a = Resubmit{Table: 255, InPort: port}
	case nxConjunction:
		c := Conjunction{Clause: r.U8(), Of: r.U8(), ID: r.U32()}
		if c.Clause++; c.Of < 2 || c.Of > 64 || c.Clause < 1 || c.Clause > c.Of {
			return nil, fmt.Errorf("openflow: conjunction %d: clause %d/%d", c.ID, c.Clause, c.Of)
		}
		a = c
	case nxCTClear:
		a = CTClear{}
	case nxNote:
		a = Note{append([]byte(nil), r.B...)}
	case nxOutputReg, nxOutputReg2:
		return decodeOutputField(b, subtype)
	case nxController:
		c := Controller{MaxLen: r.U16(), ID: r.U16(), Reason: PacketInReason(r.U8())}
		a = c.simplify()
	case nxController2:
		return decodeController2(b)
	case nxCT:
		return decodeCT(b, depth)
	case nxClone:
		r.Skip(6)
		list, err := decodeActions(nil, r.B, depth+1)
		if err != nil || r.Short {
			return nil, fmt.Errorf("openflow: clone: %w", octets.OrTruncated(err))
		}
		a = Clone{list}
	default:
		return Unknown{Raw: string(b)}, nil
	}
	return a, r.Err("action " + actionName(a))
}

func decodeOutputField(b []byte, subtype uint16) (Action, error) {
	r := octets.Reader{B: b[10:]}
	bits := r.U16()
	var maxLen uint16
	if subtype == nxOutputReg2 {
		maxLen = r.U16()
	}
	h := parseHeader(r.B)
	if h.size == 0 {
		return nil, fmt.Errorf("openflow: output: %w", octets.ErrTruncated)
	}
	if r.Skip(h.size); subtype == nxOutputReg {
		maxLen = r.U16()
	}
	if err := r.Err("output"); err != nil {
		return nil, err
	}
	if h.field == 0 || h.masked || maxLen != NoBuffer {
		return Unknown{Raw: string(b)}, nil
	}
	return OutputField{h.field, h.field.narrow(subRange(bits))}, nil
}

// subRange is the Range that Nicira's ofs_nbits stands for.
func subRange(bits uint16) Range {
	if bits>>6 > 255 {
		return Range{255, 255} // no field is that wide: refused where it is used
	}
	return Range{uint8(bits >> 6), uint8(bits&0x3f) + 1}
}

// simplify turns a Controller that says no more than Output into that.
func (c Controller) simplify() Action {
	if c.ID == 0 && c.Reason == ReasonAction && len(c.UserData) == 0 && !c.Pause && c.Meter == 0 {
		return Output{PortController, c.MaxLen}
	}
	return c
}

func decodeController2(b []byte) (Action, error) {
	r := octets.Reader{B: b[10:]}
	r.Skip(6)
	c := Controller{MaxLen: NoBuffer, Reason: ReasonAction}
	for len(r.B) > 0 && !r.Short {
		typ, n := r.U16(), int(r.U16())
		if n < 4 {
			return nil, fmt.Errorf("openflow: controller: property %d of %d bytes", typ, n)
		}
		p := octets.Reader{B: r.Take(n - 4)}
		r.Skip(-n & 7)
		switch typ {
		case ctlMaxLen:
			c.MaxLen = p.U16()
		case ctlID:
			c.ID = p.U16()
		case ctlReason:
			c.Reason = PacketInReason(p.U8())
		case ctlUserData:
			c.UserData = append([]byte(nil), p.B...)
		case ctlPause:
			c.Pause = true
		case ctlMeter:
			c.Meter = p.U32()
		default:
			return Unknown{Raw: string(b)}, nil
		}
		if p.Short { // longer ones have padding
			return nil, fmt.Errorf("openflow: controller: property %d of %d bytes", typ, n)
		}
	}
	return c.simplify(), r.Err("controller")
}

func decodeCT(b []byte, depth int) (Action, error) {
	r := octets.Reader{B: b[10:]}
	flags := r.U16()
	src := r.Take(4)
	zone := r.U16()
	a := CT{Commit: flags&ctFlagCommit != 0, Force: flags&ctFlagForce != 0, Table: NoTable}
	if t := r.U8(); t != ctNoTable {
		a.Table = int(t)
	}
	r.Skip(3)
	a.ALG = r.U16()
	if err := r.Err("ct"); err != nil {
		return nil, err
	}
	if h := parseHeader(src); h.class == 0 && h.number == 0 && h.length == 0 {
		a.Zone = zone
	} else if h.field == 0 || h.size != 4 {
		return Unknown{Raw: string(b)}, nil
	} else {
		a.ZoneField = h.field
		if a.ZoneBits = subRange(zone); a.ZoneBits == (Range{0, 16}) {
			a.ZoneBits = Range{}
		}
	}
	var err error
	if a.Exec, err = decodeActions(nil, r.B, depth+1); err != nil {
		return nil, fmt.Errorf("openflow: ct: exec: %w", err)
	}
	if flags&^(ctFlagCommit|ctFlagForce) != 0 {
		return Unknown{Raw: string(b)}, nil
	}
	return a, nil
}
