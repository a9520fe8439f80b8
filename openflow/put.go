package openflow

import "encoding/binary"

// put16, put32 and put64 append an integer in network byte order.
func put16(b []byte, v uint16) []byte { return binary.BigEndian.AppendUint16(b, v) }
func put32(b []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(b, v) }
func put64(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(b, v) }

// zeros appends n zero bytes, at most 64.
func zeros(b []byte, n int) []byte {
	var z [64]byte
	return append(b, z[:n]...)
}

// pad8 appends zeros until what starts at start is a multiple of 8 long.
func pad8(b []byte, start int) []byte { return zeros(b, -(len(b)-start)&7) }
