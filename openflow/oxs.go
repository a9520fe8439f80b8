package openflow

import (
	"fmt"
	"time"
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

func oxsHeader(b []byte, field, n uint8) []byte {
	return append(b, classOXS>>8, classOXS&0xff, field<<1, n)
}

// appendTime adds seconds and nanoseconds.
func appendTime(b []byte, d time.Duration) []byte {
	return put32(put32(b, uint32(d/time.Second)), uint32(d%time.Second))
}

func (s oxs) appendFlow(b []byte) []byte {
	start := len(b)
	b = zeros(b, 4)
	b = appendTime(oxsHeader(b, oxsDuration, 8), s.duration)
	b = appendTime(oxsHeader(b, oxsIdle, 8), s.idle)
	b = put64(oxsHeader(b, oxsPackets, 8), s.packets)
	b = put64(oxsHeader(b, oxsBytes, 8), s.bytes)
	setLen(b[start:], len(b)-start)
	return pad8(b, start)
}

// decodeOXS reads a struct ofp_stats with its padding; fields that are not
// known are skipped.
func decodeOXS(r *reader) (s oxs, err error) {
	r.skip(2)
	n := int(r.u16())
	if n < 4 {
		return s, fmt.Errorf("openflow: statistics of %d bytes", n)
	}
	p := r.entry(n, 4)
	r.skip(-n & 7)
	for len(p.b) > 0 {
		class, field, size := p.u16(), p.u8()>>1, int(p.u8())
		v := p.entry(size, 0)
		if class != classOXS {
			continue
		}
		switch field {
		case oxsDuration:
			s.duration = v.time()
		case oxsIdle:
			s.idle = v.time()
		case oxsPackets:
			s.packets = v.u64()
		case oxsBytes:
			s.bytes = v.u64()
		default:
			continue
		}
		if v.end("statistics") != nil {
			return s, fmt.Errorf("openflow: statistics: field %d of %d bytes", field, size)
		}
	}
	if p.short {
		r.short = true
	}
	return s, r.err("statistics")
}

func (r *reader) time() time.Duration {
	return time.Duration(r.u32())*time.Second + time.Duration(r.u32())
}
