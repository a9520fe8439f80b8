package faults

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/internal/netns"
)

// way is one direction of a flow, as the sniffers know it: by the server's port,
// which of the packet's ports it is, and who sends.
type way struct {
	src, dst netip.Addr
	proto    uint8
	port     uint16 // the server's
	toServer bool
}

// Sniffer sees what the VMs' devices send and receive, and when: by the kernel's
// clock, however busy this process is.
type Sniffer struct {
	mu    sync.Mutex
	seen  map[way]*Record
	calls map[way]call // the latest TCP connection, by the way to the server
	conns []*packet.Conn
	wg    sync.WaitGroup
}

// call is a TCP connection.
type call struct {
	port  uint16 // the client's
	began time.Time
}

// NewSniffer makes one that sees the given ways.
func NewSniffer(ways []way) *Sniffer {
	s := &Sniffer{seen: map[way]*Record{}, calls: map[way]call{}}
	for _, w := range ways {
		s.seen[w] = &Record{}
	}
	return s
}

// Watch looks at one more device.
func (s *Sniffer) Watch(ns *netns.Namespace, device string) error {
	var conn *packet.Conn
	err := ns.Do(func() error {
		ifi, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		conn, err = packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil)
		return err
	})
	if err != nil {
		return fmt.Errorf("sniff %s of %s: %w", device, ns.Name(), err)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	var set error
	err = raw.Control(func(fd uintptr) {
		set = errors.Join(
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20))
	})
	if err := errors.Join(err, set); err != nil {
		return errors.Join(err, conn.Close())
	}
	s.conns = append(s.conns, conn)
	s.wg.Go(func() {
		buf, control := make([]byte, 128), make([]byte, 128)
		for {
			var n, controlLen int
			var from unix.Sockaddr
			var err error
			if wait := raw.Read(func(fd uintptr) bool {
				n, controlLen, _, from, err = unix.Recvmsg(int(fd), buf, control, unix.MSG_DONTWAIT)
				return !errors.Is(err, unix.EAGAIN)
			}); wait != nil {
				return // closed
			}
			if err != nil {
				continue // the device is down for a while
			}
			link, ok := from.(*unix.SockaddrLinklayer)
			if ok && link.Pkttype != unix.PACKET_OTHERHOST {
				s.note(buf[:n], link.Pkttype == unix.PACKET_OUTGOING, stamp(control[:controlLen]))
			}
		}
	})
	return nil
}

// stamp reads the time of SCM_TIMESTAMPNS, see socket(7).
func stamp(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err == nil {
		for _, m := range messages {
			if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
				return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
			}
		}
	}
	return time.Now()
}

// note counts a frame, if it is of a flow.
func (s *Sniffer) note(frame []byte, sent bool, at time.Time) {
	w, sport, dport, flags, ok := headers(frame)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, toServer := range []bool{true, false} {
		w.toServer, w.port = toServer, dport
		if !toServer {
			w.port = sport
		}
		r := s.seen[w]
		switch {
		case r == nil:
		case sent && w.proto == unix.IPPROTO_UDP:
			r.Sent = append(r.Sent, Packet{At: at})
		case sent:
			if p, ok := s.segment(w, sport, dport, flags, at); ok {
				r.Sent = append(r.Sent, p)
			}
		default:
			r.Arrived = append(r.Arrived, at)
		}
	}
}

// segment is a sent segment, if anybody minds that it arrives: those of
// connections that the client has left do not matter, and no reset does.
func (s *Sniffer) segment(w way, sport, dport uint16, flags byte, at time.Time) (Packet, bool) {
	toServer, client := w, sport
	if !w.toServer {
		toServer, client = way{src: w.dst, dst: w.src, proto: w.proto, port: w.port, toServer: true}, dport
	}
	if w.toServer && flags&(tcpSYN|tcpACK) == tcpSYN && s.calls[toServer].port != client {
		s.calls[toServer] = call{client, at}
	}
	now := s.calls[toServer]
	return Packet{at, now.began}, now.port == client && flags&tcpRST == 0
}

// Flags of TCP, RFC 9293.
const (
	tcpSYN = 1 << 1
	tcpRST = 1 << 2
	tcpACK = 1 << 4
)

// headers reads a frame of TCP or UDP as far as it matters here.
func headers(b []byte) (w way, sport, dport uint16, flags byte, ok bool) {
	if len(b) < 14 {
		return w, 0, 0, 0, false
	}
	kind := binary.BigEndian.Uint16(b[12:])
	b = b[14:]
	switch {
	case kind == 0x0800 && len(b) >= 20 && len(b) >= int(b[0]&15)*4:
		w.src, w.dst, w.proto = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:])), b[9]
		b = b[int(b[0]&15)*4:]
	case kind == 0x86dd && len(b) >= 40:
		w.src, w.dst, w.proto = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:])), b[6]
		b = b[40:]
	default:
		return w, 0, 0, 0, false
	}
	switch {
	case w.proto == unix.IPPROTO_TCP && len(b) >= 14:
		flags = b[13]
	case w.proto == unix.IPPROTO_UDP && len(b) >= 8:
	default:
		return w, 0, 0, 0, false
	}
	return w, binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), flags, true
}

// Seen is what was seen of a way so far, in order.
func (s *Sniffer) Seen(w way) Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := Record{slices.Clone(s.seen[w].Sent), slices.Clone(s.seen[w].Arrived)}
	slices.SortFunc(r.Sent, func(a, b Packet) int { return a.At.Compare(b.At) })
	slices.SortFunc(r.Arrived, time.Time.Compare)
	return r
}

// LastArrival is when the last packet of a way arrived, zero if none did.
func (s *Sniffer) LastArrival(w way) (last time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.seen[w].Arrived; len(a) > 0 {
		last = a[len(a)-1]
	}
	return last
}

// Forget drops what was seen before a time.
func (s *Sniffer) Forget(before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.seen {
		r.Sent = slices.DeleteFunc(r.Sent, func(p Packet) bool { return p.At.Before(before) })
		r.Arrived = slices.DeleteFunc(r.Arrived, func(t time.Time) bool { return t.Before(before) })
	}
}

// Close ends the looking.
func (s *Sniffer) Close() error {
	var errs []error
	for _, c := range s.conns {
		errs = append(errs, c.Close())
	}
	s.wg.Wait()
	return errors.Join(errs...)
}
