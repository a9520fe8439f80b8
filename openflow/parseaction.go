package openflow

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// ParseActions reads actions in the syntax of ovs-actions(7), such as
// "ct(commit,zone=5),resubmit(,6)"; "drop" or nothing is no action. Text that
// is not understood is an error that names it.
func ParseActions(text string) (Actions, error) {
	list, err := parseActionList(text, 0)
	if err != nil {
		return Actions{}, fmt.Errorf("openflow: actions: %w", err)
	}
	return NewActions(list...)
}

// maxNesting is how deep actions may stand inside actions.
const maxNesting = 16

func parseActionList(text string, depth int) ([]Action, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("nested too deep")
	}
	var list []Action
	drop := false
	for rest := text; ; {
		t, next, done, err := nextToken(rest)
		if err != nil {
			return nil, err
		}
		if done {
			break
		}
		rest = next
		if t.key == "drop" && t.sep == 0 {
			drop = true
			continue
		}
		a, err := parseAction(t, depth)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	if drop && len(list) > 0 {
		return nil, fmt.Errorf("drop beside other actions")
	}
	return list, nil
}

func parseAction(t token, depth int) (Action, error) {
	a, err := parseKnownAction(t, depth)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t, err)
	}
	return a, nil
}

func parseKnownAction(t token, depth int) (Action, error) {
	number := func(bits int) (uint64, error) { return parseUint(t.value, bits) }
	switch t.key {
	case "output":
		return parseOutput(t.value)
	case "set_field":
		return parseSetField(t.value)
	case "load":
		return parseLoad(t.value)
	case "move":
		return parseMove(t.value)
	case "push_vlan":
		if v, err := number(16); err != nil || v != EthTypeVLAN {
			return nil, fmt.Errorf("only 0x8100 is possible")
		}
		return PushVLAN{}, nil
	case "pop_vlan", "strip_vlan":
		return bare(t, PopVLAN{})
	case "dec_ttl":
		return bare(t, DecTTL{})
	case "ct_clear":
		return bare(t, CTClear{})
	case "resubmit":
		return parseResubmit(t)
	case "goto_table":
		v, err := number(8)
		return Goto{uint8(v)}, err
	case "write_metadata":
		term, err := parseValue(Metadata, t.value)
		v, m := term.Uint64()
		return WriteMetadata{v, m}, err
	case "meter":
		v, err := number(32)
		return Meter{uint32(v)}, err
	case "group":
		v, err := number(32)
		return Group{uint32(v)}, err
	case "ct":
		return parseCT(t.value, depth)
	case "conjunction":
		return parseConjunction(t.value)
	case "controller", "CONTROLLER":
		return parseController(t.value)
	case "note":
		b, err := parseBytes(t.value)
		return Note{b}, err
	case "clone":
		list, err := parseActionList(t.value, depth+1)
		return Clone{list}, err
	case "action", "instruction":
		b, err := parseBytes(t.value)
		return Unknown{t.key == "instruction", string(b)}, err
	}
	if t.sep == 0 {
		if p, err := parsePort(t.key); err == nil {
			return Output{Port: p}, nil
		}
	}
	return nil, fmt.Errorf("unknown action")
}

func bare(t token, a Action) (Action, error) {
	if t.sep != 0 {
		return nil, fmt.Errorf("takes no argument")
	}
	return a, nil
}

func parseOutput(s string) (Action, error) {
	if strings.HasSuffix(s, "]") {
		f, r, err := parseSubfield(s)
		return OutputField{f, r}, err
	}
	if f, ok := FieldByName(s); ok {
		return OutputField{Field: f}, nil
	}
	p, err := parsePort(s)
	if p == PortController {
		return Output{p, NoBuffer}, err
	}
	return Output{Port: p}, err
}

// parseSubfield reads name, name[], name[bit] or name[first..last].
func parseSubfield(s string) (Field, Range, error) {
	name, bits, ok := strings.Cut(s, "[")
	f, known := FieldByName(name)
	if !known {
		return 0, Range{}, fmt.Errorf("unknown field %q", name)
	}
	if !ok {
		return f, Range{}, nil
	}
	bits, closed := strings.CutSuffix(bits, "]")
	if !closed {
		return 0, Range{}, fmt.Errorf("%q: missing ]", s)
	}
	if bits == "" {
		return f, Range{}, nil
	}
	first, last, both := strings.Cut(bits, "..")
	if !both {
		last = first
	}
	lo, err := parseUint(first, 8)
	hi, err2 := parseUint(last, 8)
	if err != nil || err2 != nil || hi < lo || int(hi) >= f.subBits() {
		return 0, Range{}, fmt.Errorf("%q: no such bits", s)
	}
	return f, f.narrow(Range{uint8(lo), uint8(hi - lo + 1)}), nil
}

func parseSetField(s string) (Action, error) {
	value, name, ok := strings.Cut(s, "->")
	if !ok {
		return nil, fmt.Errorf("missing ->")
	}
	f, known := FieldByName(name)
	if !known {
		return nil, fmt.Errorf("unknown field %q", name)
	}
	term, err := parseValueAs(f, value)
	if err != nil {
		return nil, err
	}
	if term.fault != faultNone && term.fault != faultMask {
		return nil, term.Err()
	}
	return setTerm(term)
}

// setTerm is the action that makes a term true.
func setTerm(t Term) (Action, error) {
	if t.mask == (wide{}) {
		return nil, fmt.Errorf("empty mask")
	}
	if t.Exact() {
		t.mask = wide{}
	}
	if t.field.Len() > 8 {
		return SetWide{t.field, t.value, t.mask}, nil
	}
	v, m := t.Uint64()
	return SetField{t.field, v, m}, nil
}

func parseLoad(s string) (Action, error) {
	value, dst, ok := strings.Cut(s, "->")
	if !ok {
		return nil, fmt.Errorf("missing ->")
	}
	f, r, err := parseSubfield(dst)
	if err != nil {
		return nil, err
	}
	if r, err = f.resolve(r); err != nil {
		return nil, err
	}
	v, err := parseUint(value, 64)
	if err != nil {
		return nil, err
	}
	if r.Width < 64 && v>>r.Width != 0 {
		return nil, fmt.Errorf("%s does not fit into %d bits", value, r.Width)
	}
	t := Term{field: f}
	for i := range int(r.Width) {
		at := int(r.Offset) + i
		bit := byte(1) << (at % 8)
		t.mask[15-at/8] |= bit
		if i < 64 && v>>i&1 != 0 {
			t.value[15-at/8] |= bit
		}
	}
	if f == VlanVID { // the bit that says there is a tag stands outside the range
		binary.BigEndian.PutUint16(t.value[14:], binary.BigEndian.Uint16(t.value[14:])|VlanPresent)
		binary.BigEndian.PutUint16(t.mask[14:], binary.BigEndian.Uint16(t.mask[14:])|VlanPresent)
	}
	return setTerm(t)
}

func parseMove(s string) (Action, error) {
	from, to, ok := strings.Cut(s, "->")
	if !ok {
		return nil, fmt.Errorf("missing ->")
	}
	var (
		a   CopyField
		err error
	)
	if a.Src, a.SrcBits, err = parseSubfield(from); err != nil {
		return nil, err
	}
	a.Dst, a.DstBits, err = parseSubfield(to)
	return a, err
}
