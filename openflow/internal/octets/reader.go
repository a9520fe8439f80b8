package octets

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Reader takes fields off the front of a message part. The first read beyond
// the end sets Short, and reads give zeros from then on; the decoder checks
// once when it is done.
type Reader struct {
	B     []byte
	Short bool
}

// Take is the next n bytes; nil if there are fewer.
func (r *Reader) Take(n int) []byte {
	if n < 0 || n > len(r.B) {
		r.Short, r.B = true, nil
		return nil
	}
	p := r.B[:n:n]
	r.B = r.B[n:]
	return p
}

// Skip leaves out n bytes.
func (r *Reader) Skip(n int) { r.Take(n) }

// U8 is the next byte as an integer.
func (r *Reader) U8() uint8 {
	if p := r.Take(1); p != nil {
		return p[0]
	}
	return 0
}

// U16 is the next 16 bits as an integer.
func (r *Reader) U16() uint16 {
	if p := r.Take(2); p != nil {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}

// U32 is the next 32 bits as an integer.
func (r *Reader) U32() uint32 {
	if p := r.Take(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

// U64 is the next 64 bits as an integer.
func (r *Reader) U64() uint64 {
	if p := r.Take(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

// Rest is a copy of all that is left; nil if nothing is.
func (r *Reader) Rest() []byte {
	p := bytes.Clone(r.Take(len(r.B)))
	if len(p) == 0 {
		return nil
	}
	return p
}

// Text is a string in n bytes, the last of which is zero.
func (r *Reader) Text(n int) string {
	p := r.Take(n)
	p, _, _ = bytes.Cut(p[:max(0, len(p)-1)], []byte{0})
	return string(p)
}

// Entry reads an entry of n bytes, n having been read already as part of it,
// used bytes of which are gone.
func (r *Reader) Entry(n, used int) *Reader {
	return &Reader{B: r.Take(n - used), Short: r.Short}
}

// Err reports a read beyond the end of what is called what.
func (r *Reader) Err(what string) error {
	if r.Short {
		return fmt.Errorf("openflow: %s: %w", what, ErrTruncated)
	}
	return nil
}

// End is Err, and reports bytes that nobody has read.
func (r *Reader) End(what string) error {
	if n := len(r.B); n > 0 {
		return fmt.Errorf("openflow: %s: %d bytes too many", what, n)
	}
	return r.Err(what)
}

// Property reads the header of a property and gives a reader of its value;
// the padding to a multiple of 8 is skipped (OpenFlow 1.5 §7.1.1).
func (r *Reader) Property(what string) (typ uint16, p *Reader, err error) {
	typ = r.U16()
	n := int(r.U16())
	if n < 4 {
		return 0, nil, fmt.Errorf("openflow: %s: property %d of %d bytes", what, typ, n)
	}
	p = r.Entry(n, 4)
	if pad := -n & 7; pad <= len(r.B) {
		r.Skip(pad)
	} else {
		r.Short = true
	}
	return typ, p, r.Err(what)
}
