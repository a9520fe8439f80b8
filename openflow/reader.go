package openflow

import (
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

// err reports a read beyond the end of what is called what.
func (r *reader) err(what string) error {
	if r.short {
		return fmt.Errorf("openflow: %s: %w", what, errTruncated)
	}
	return nil
}
