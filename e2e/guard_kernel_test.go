package e2e

import (
	be "encoding/binary"
	"slices"

	"github.com/ringfence/ringfence/internal/lab"
)

// What the kernel datapath does otherwise than the userspace one that the
// attacks are written for. Both judge alike; they differ in what they do to
// fragments and in which malformed packets they take for packets.

// onKernel reports whether the lab's bridges have the kernel's datapath.
func onKernel() bool { return lab.Datapath() == lab.KernelDatapath }

// otherwise changes an attack that ends otherwise on the kernel datapath.
func otherwise(a attack) attack {
	if onKernel() && a.kernel != nil {
		a.kernel(&a)
	}
	return a
}

// asSeen is what frames look like to who compares them. The kernel's ct() makes
// fragments one datagram, which is cut anew when it leaves, anywhere, and in
// IPv6 gets another identification: there it is the datagrams that count.
func asSeen(frames [][]byte) [][]byte {
	if !onKernel() {
		return frames
	}
	var whole [][]byte
	parts := map[string][]fragment{}
	for _, f := range frames {
		if part, ok := parseFragment(f); ok {
			parts[part.datagram] = append(parts[part.datagram], part)
		} else {
			whole = append(whole, f)
		}
	}
	for _, all := range parts {
		if f, ok := assemble(all); ok {
			whole = append(whole, f)
		}
	}
	return whole
}

// fragment is a part of a datagram.
type fragment struct {
	datagram string // by addresses and identification
	header   []byte // of the frame and of IP, as if it were none
	at       int
	more     bool
	data     []byte
}

// parseFragment reads a frame that holds a fragment; ok is false for others.
func parseFragment(frame []byte) (f fragment, ok bool) {
	switch frame[12] {
	case 0x08:
		const header = 14 + 20
		if field := be.BigEndian.Uint16(frame[20:]); len(frame) >= header && field&0x3fff != 0 {
			f = fragment{string(frame[18:20]) + string(frame[26:34]), slices.Clone(frame[:header]), int(field&0x1fff) * 8, field&0x2000 != 0, frame[header:]}
			clear(f.header[16:26]) // lengths, identification and checksum
			return f, true
		}
	case 0x86:
		at := 14 + 6 // of the byte that tells the next header
		for next := ip6Header; next+8 <= len(frame); {
			switch frame[at] {
			case byte(extHop), byte(extRouting), byte(extDestination):
				at, next = next, next+8*(int(frame[next+1])+1)
			case byte(extFragment):
				field := be.BigEndian.Uint16(frame[next+2:])
				f = fragment{string(frame[next+4:next+8]) + string(frame[22:54]), slices.Clone(frame[:next]), int(field &^ 7), field&1 != 0, frame[next+8:]}
				f.header[at] = frame[next]
				return f, true
			default:
				return f, false
			}
		}
	}
	return f, false
}

// assemble makes a frame of the parts of one datagram, which may come twice; ok
// is false if one is missing.
func assemble(parts []fragment) (frame []byte, ok bool) {
	slices.SortStableFunc(parts, func(a, b fragment) int { return a.at - b.at })
	var data []byte
	complete := false
	for _, p := range parts {
		if p.at > len(data) {
			return nil, false
		}
		if end := p.at + len(p.data); end > len(data) {
			data = append(data, p.data[len(data)-p.at:]...)
		}
		complete = complete || !p.more
	}
	frame = append(parts[0].header, data...)
	if frame[12] == 0x86 {
		be.BigEndian.PutUint16(frame[18:], uint16(len(frame)-ip6Header))
	}
	return frame, complete && parts[0].at == 0
}

// alsoSeen has the attack end as one does that the datapath takes for a packet.
func alsoSeen(seen string) func(a *attack) {
	return func(a *attack) { a.seen = seen }
}

// alsoSeenAs does that for one that arrives as other frames than were sent.
func alsoSeenAs(seen string, arrive func(w wire) [][]byte) func(a *attack) {
	return func(a *attack) { a.seen, a.arrive = seen, arrive }
}

// maybeSeen has some of the frames arrive where such packets are let in, or not
// at all.
func maybeSeen(seen string, which func(i int) bool) func(a *attack) {
	return func(a *attack) { a.seen, a.part, a.may = seen, func(int) bool { return false }, which }
}
