package ofrules

import (
	"math/bits"
	"slices"
	"testing"
)

// fewestBlocks is how many aligned blocks cover [lo, hi], found by trying the
// largest one that begins where the last ended.
func fewestBlocks(lo, hi uint32) int {
	n := 0
	for lo <= hi {
		size := uint32(65536)
		for lo%size != 0 || lo+size-1 > hi {
			size /= 2
		}
		lo += size
		n++
	}
	return n
}

// checkMasks holds masks against the range that they are to cover: each a
// block of its own, in order, without a gap, and none beyond either end.
func checkMasks(t *testing.T, lo, hi uint16) {
	t.Helper()
	masks := portMasks(lo, hi)
	next := uint32(lo)
	for _, m := range masks {
		size := uint32(^m.mask) + 1
		if bits.OnesCount32(size) != 1 || uint32(m.value) != next || uint32(m.value)%size != 0 {
			t.Fatalf("[%d, %d]: %d/%#x after %d in %v", lo, hi, m.value, m.mask, next, masks)
		}
		next += size
	}
	if next != uint32(hi)+1 || len(masks) > 30 || len(masks) != fewestBlocks(uint32(lo), uint32(hi)) {
		t.Fatalf("[%d, %d]: %d masks end before %d: %v", lo, hi, len(masks), next, masks)
	}
}

// TestPortMasks tries every range from or to a port near which something
// changes, and all ranges of a coarse grid with its neighbours.
func TestPortMasks(t *testing.T) {
	t.Parallel()
	for _, edge := range []uint16{0, 1, 2, 80, 1023, 1024, 32767, 32768, 65534, 65535} {
		for p := range 65536 {
			checkMasks(t, min(edge, uint16(p)), max(edge, uint16(p)))
		}
	}
	var grid []uint16
	for p := 0; p < 65536; p += 577 {
		grid = append(grid, uint16(p))
	}
	for bit := range 16 {
		grid = append(grid, 1<<bit-1, 1<<bit, 1<<bit+1)
	}
	for _, lo := range grid {
		for _, hi := range grid {
			if lo <= hi {
				checkMasks(t, lo, hi)
			}
		}
	}
}

// TestPortMasksMatch compares with the plain condition, port by port.
func TestPortMasksMatch(t *testing.T) {
	t.Parallel()
	for _, r := range [][2]uint16{{1, 65535}, {1, 1}, {65535, 65535}, {1, 65534}, {1024, 1151}, {8000, 8079}, {21845, 43690}, {32767, 32768}} {
		masks := portMasks(r[0], r[1])
		for p := range 65536 {
			port := uint16(p)
			in := slices.ContainsFunc(masks, func(m portMask) bool { return port&m.mask == m.value })
			if want := r[0] <= port && port <= r[1]; in != want {
				t.Fatalf("port %d in %v: %v", port, r, in)
			}
		}
	}
}
