package openflow

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// reader takes fields off the front of a message part. The first read beyond
// the end sets short, and reads give zeros from then on; the decoder checks
// once when it is done.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.short, r.b = true, nil
		return nil
	}
	p := r.b[:n:n]
	r.b = r.b[n:]
	return p
}

func (r *reader) skip(n int) { r.take(n) }

func (r *reader) u8() uint8 {
	if p := r.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if p := r.take(2); p != nil {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if p := r.take(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if p := r.take(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

// rest is a copy of all that is left; nil if nothing is.
func (r *reader) rest() []byte {
	p := bytes.Clone(r.take(len(r.b)))
	if len(p) == 0 {
		return nil
	}
	return p
}

// text is a string in n bytes, the last of which is zero.
func (r *reader) text(n int) string {
	p := r.take(n)
	p, _, _ = bytes.Cut(p[:max(0, len(p)-1)], []byte{0})
	return string(p)
}

// entry reads an entry of n bytes, n having been read already as part of it,
// used bytes of which are gone.
func (r *reader) entry(n, used int) *reader {
	return &reader{b: r.take(n - used), short: r.short}
}

// err reports a read beyond the end of what is called what.
func (r *reader) err(what string) error {
	if r.short {
		return fmt.Errorf("openflow: %s: %w", what, errTruncated)
	}
	return nil
}

// end is err, and reports bytes that nobody has read.
func (r *reader) end(what string) error {
	if n := len(r.b); n > 0 {
		return fmt.Errorf("openflow: %s: %d bytes too many", what, n)
	}
	return r.err(what)
}

// property reads the header of a property and gives a reader of its value;
// the padding to a multiple of 8 is skipped (OpenFlow 1.5 §7.1.1).
func (r *reader) property(what string) (typ uint16, p *reader, err error) {
	typ = r.u16()
	n := int(r.u16())
	if n < 4 {
		return 0, nil, fmt.Errorf("openflow: %s: property %d of %d bytes", what, typ, n)
	}
	p = r.entry(n, 4)
	if pad := -n & 7; pad <= len(r.b) {
		r.skip(pad)
	} else {
		r.short = true
	}
	return typ, p, r.err(what)
}

// match reads a struct ofp_match with its padding.
func (r *reader) match() (Match, error) {
	typ, n := r.u16(), int(r.u16())
	if typ != 1 || n < 4 {
		return Match{}, fmt.Errorf("openflow: match of type %d, %d bytes", typ, n)
	}
	tlvs := r.take(n - 4)
	r.skip(-n & 7)
	if err := r.err("match"); err != nil {
		return Match{}, err
	}
	return decodeMatch(tlvs)
}

// instructions reads all that is left as instructions.
func (r *reader) instructions() (Actions, error) {
	b := r.take(len(r.b))
	list, err := decodeInstructions(b)
	if err != nil {
		return Actions{}, err
	}
	if a, err := NewActions(list...); err == nil {
		return a, nil
	}
	return Actions{string(b)}, nil // a foreign flow that we would not make: kept as it is
}

// actions reads all that is left as a list of actions.
func (r *reader) actions() (Actions, error) {
	if len(r.b) == 0 {
		return Actions{}, nil
	}
	n := len(r.b) + 8
	if n > maxMessage {
		return Actions{}, fmt.Errorf("openflow: actions: %w", ErrTooLong)
	}
	b := append([]byte{0, instApplyActions, byte(n >> 8), byte(n), 0, 0, 0, 0}, r.take(len(r.b))...)
	return (&reader{b: b}).instructions()
}

// appendMatch adds a struct ofp_match.
func appendMatch(b []byte, m Match) []byte {
	start := len(b)
	b = append(b, 0, 1, 0, 0)
	b = append(b, m.tlvs...)
	setLen(b[start:], len(b)-start)
	return pad8(b, start)
}

// list is the actions without the instruction around them, for messages that
// carry no instructions.
func (a Actions) list() (string, error) {
	if a.IsDrop() {
		return "", nil
	}
	n := int(a.instructions[2])<<8 | int(a.instructions[3])
	if a.instructions[1] != instApplyActions || n != len(a.instructions) {
		return "", fmt.Errorf("openflow: %s has instructions, where only actions can be", a)
	}
	return a.instructions[8:], nil
}
