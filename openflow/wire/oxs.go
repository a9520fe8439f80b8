package wire

import (
	"fmt"
	"time"

	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// oxs is the statistics that OpenFlow 1.5 §7.2.4 sends as TLVs.
type oxs struct {
	duration, idle time.Duration
	packets, bytes uint64
}

// OXS class and fields of OpenFlow 1.5 §7.2.4.4.
const (
	classOXS = 0x8002

	oxsDuration = 0
	oxsIdle     = 1
	oxsPackets  = 4
	oxsBytes    = 5
)

// oxsHeader begins a field of 8 bytes.
func oxsHeader(b []byte, field uint8) []byte {
	return append(b, classOXS>>8, classOXS&0xff, field<<1, 8)
}

// appendTime adds seconds and nanoseconds.
func appendTime(b []byte, d time.Duration) []byte {
	return octets.Put32(octets.Put32(b, uint32(d/time.Second)), uint32(d%time.Second))
}

func (s oxs) appendFlow(b []byte) []byte {
	start := len(b)
	b = octets.Zeros(b, 4)
	b = appendTime(oxsHeader(b, oxsDuration), s.duration)
	b = appendTime(oxsHeader(b, oxsIdle), s.idle)
	b = octets.Put64(oxsHeader(b, oxsPackets), s.packets)
	b = octets.Put64(oxsHeader(b, oxsBytes), s.bytes)
	octets.SetLen(b[start:], len(b)-start)
	return octets.Pad8(b, start)
}

// decodeOXS reads a struct ofp_stats with its padding; fields that are not
// known are skipped.
func decodeOXS(r *octets.Reader) (s oxs, err error) {
	r.Skip(2)
	n := int(r.U16())
	if n < 4 {
		return s, fmt.Errorf("openflow: statistics of %d bytes", n)
	}
	p := r.Entry(n, 4)
	r.Skip(-n & 7)
	for len(p.B) > 0 {
		class, field, size := p.U16(), p.U8()>>1, int(p.U8())
		v := p.Entry(size, 0)
		if class != classOXS {
			continue
		}
		switch field {
		case oxsDuration:
			s.duration = readTime(v)
		case oxsIdle:
			s.idle = readTime(v)
		case oxsPackets:
			s.packets = v.U64()
		case oxsBytes:
			s.bytes = v.U64()
		default:
			continue
		}
		if v.End("statistics") != nil {
			return s, fmt.Errorf("openflow: statistics: field %d of %d bytes", field, size)
		}
	}
	if p.Short {
		r.Short = true
	}
	return s, r.Err("statistics")
}

func readTime(r *octets.Reader) time.Duration {
	return time.Duration(r.U32())*time.Second + time.Duration(r.U32())
}
