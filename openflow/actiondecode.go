package openflow

import (
	"errors"
	"fmt"

	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// decodeInstructions decodes the instructions of a flow. What this package
// does not know becomes Unknown.
func decodeInstructions(b []byte) ([]Action, error) {
	var list []Action
	for len(b) > 0 {
		if len(b) < 8 {
			return nil, fmt.Errorf("openflow: instruction: %w", octets.ErrTruncated)
		}
		typ, n := int(b[0])<<8|int(b[1]), int(b[2])<<8|int(b[3])
		if n < 8 || n%8 != 0 || n > len(b) {
			return nil, fmt.Errorf("openflow: instruction %d: length %d with %d bytes left", typ, n, len(b))
		}
		r := octets.Reader{B: b[4:n]}
		switch typ {
		case instApplyActions:
			if n == 8 {
				break // no actions: not the canonical way to say so, but sound
			}
			var err error
			if list, err = decodeActions(list, b[8:n], 0); err != nil {
				return nil, err
			}
		case instGoto:
			list = append(list, Goto{r.U8()})
		case instWriteMetadata:
			r.Skip(4)
			v := WriteMetadata{r.U64(), r.U64()}
			if v.Mask == 0 {
				return nil, errors.New("openflow: write_metadata: empty mask")
			}
			if v.Value &= v.Mask; v.Mask == ^uint64(0) {
				v.Mask = 0
			}
			list = append(list, v)
		default:
			list = append(list, Unknown{Instruction: true, Raw: string(b[:n])})
		}
		if err := r.Err("instruction"); err != nil {
			return nil, err
		}
		b = b[n:]
	}
	return list, nil
}

// decodeActions decodes a list of actions and appends them. depth is how many
// actions it stands in.
func decodeActions(list []Action, b []byte, depth int) ([]Action, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("openflow: actions nested more than %d deep", maxNesting)
	}
	for len(b) > 0 {
		if len(b) < 8 {
			return nil, fmt.Errorf("openflow: action: %w", octets.ErrTruncated)
		}
		typ, n := int(b[0])<<8|int(b[1]), int(b[2])<<8|int(b[3])
		if n < 8 || n%8 != 0 || n > len(b) {
			return nil, fmt.Errorf("openflow: action %d: length %d with %d bytes left", typ, n, len(b))
		}
		a, err := decodeAction(typ, b[:n:n], depth)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
		b = b[n:]
	}
	return list, nil
}

// decodeAction decodes one action; b is all of it, at least 8 bytes.
func decodeAction(typ int, b []byte, depth int) (Action, error) {
	r := octets.Reader{B: b[4:]}
	var a Action
	switch typ {
	case actOutput:
		o := Output{Port: r.U32(), MaxLen: r.U16()}
		if o.Port != PortController {
			o.MaxLen = 0
		}
		a = o
	case actPushVLAN:
		if r.U16() != EthTypeVLAN {
			return Unknown{Raw: string(b)}, nil
		}
		a = PushVLAN{}
	case actPopVLAN:
		a = PopVLAN{}
	case actGroup:
		a = Group{r.U32()}
	case actDecTTL:
		a = DecTTL{}
	case actMeter:
		a = Meter{r.U32()}
	case actSetField:
		return decodeSetField(b)
	case actCopyField:
		return decodeCopyField(b)
	case actExperimenter:
		if r.U32() == octets.Nicira && len(r.B) >= 2 {
			return decodeNicira(b, depth)
		}
		return Unknown{Raw: string(b)}, nil
	default:
		return Unknown{Raw: string(b)}, nil
	}
	return a, r.Err("action " + actionName(a))
}

func decodeSetField(b []byte) (Action, error) {
	h := parseHeader(b[4:])
	end := 4 + h.size + h.length
	if h.size == 0 || end > len(b) || len(b)-end >= 8 {
		return nil, fmt.Errorf("openflow: set_field: field of %d bytes in action of %d", h.length, len(b))
	}
	body := b[4+h.size : end]
	if h.field == 0 {
		return Unknown{Raw: string(b)}, nil
	}
	n := h.field.Len()
	t := Term{field: h.field, mask: h.field.FullMask()}
	copy(t.value[16-n:], body)
	if h.masked {
		var m wide
		copy(m[16-n:], body[n:])
		for i := range m {
			t.mask[i] &= m[i]
			t.value[i] &= m[i]
		}
	}
	if t.mask == t.field.FullMask() {
		t.mask = wide{}
	} else if t.mask == (wide{}) {
		return nil, fmt.Errorf("openflow: set_field: %s with an empty mask", t.field)
	}
	if n > 8 {
		return SetWide{t.field, t.value, t.mask}, nil
	}
	value, mask := t.Uint64()
	return SetField{t.field, value, mask}, nil
}

func decodeCopyField(b []byte) (Action, error) {
	r := octets.Reader{B: b[4:]}
	width, from, to := r.U16(), r.U16(), r.U16()
	r.Skip(2)
	src := parseHeader(r.B)
	if src.size > 0 {
		r.Skip(src.size)
	}
	dst := parseHeader(r.B)
	if r.Short || src.size == 0 || dst.size == 0 {
		return nil, fmt.Errorf("openflow: copy_field: %w", octets.ErrTruncated)
	}
	if src.field == 0 || dst.field == 0 || src.masked || dst.masked {
		return Unknown{Raw: string(b)}, nil
	}
	if width == 0 || int(from)+int(width) > 255 || int(to)+int(width) > 255 {
		return nil, fmt.Errorf("openflow: copy_field: %d bits from bit %d to bit %d", width, from, to)
	}
	return CopyField{
		src.field, src.field.narrow(Range{uint8(from), uint8(width)}),
		dst.field, dst.field.narrow(Range{uint8(to), uint8(width)}),
	}, nil
}

// narrow is the canonical way to write a Range: the whole field is the zero
// Range.
func (f Field) narrow(r Range) Range {
	if r.Offset == 0 && int(r.Width) == f.subBits() {
		return Range{}
	}
	return r
}
