package octets

import "encoding/binary"

// Put16 appends an integer in network byte order.
func Put16(b []byte, v uint16) []byte { return binary.BigEndian.AppendUint16(b, v) }

// Put32 is Put16 for 32 bits.
func Put32(b []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(b, v) }

// Put64 is Put16 for 64 bits.
func Put64(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(b, v) }

// Zeros appends n zero bytes, at most 64.
func Zeros(b []byte, n int) []byte {
	var z [64]byte
	return append(b, z[:n]...)
}

// Pad8 appends zeros until what starts at start is a multiple of 8 long.
func Pad8(b []byte, start int) []byte { return Zeros(b, -(len(b)-start)&7) }

// SetLen writes the length field of a message, an action, an instruction or a
// match that b starts with.
func SetLen(b []byte, n int) { b[2], b[3] = byte(n>>8), byte(n) }
