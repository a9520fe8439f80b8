package ofrules

import "math/bits"

// portMask matches the port range [value, value | ^mask].
type portMask struct{ value, mask uint16 }

// portMasks covers the port range [lo, hi] exactly with the fewest aligned
// blocks: at most 30.
func portMasks(lo, hi uint16) []portMask {
	var out []portMask
	for p := uint32(lo); p <= uint32(hi); {
		size := uint32(1) << 16
		if p != 0 {
			size = 1 << bits.TrailingZeros32(p)
		}
		for p+size-1 > uint32(hi) {
			size >>= 1
		}
		out = append(out, portMask{uint16(p), ^uint16(size - 1)})
		p += size
	}
	return out
}
