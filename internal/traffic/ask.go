package traffic

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/internal/netns"
)

// Answer is the outcome of a question.
type Answer struct {
	OK   bool
	Took time.Duration
	// Resent counts TCP segments sent again before the answer came: the
	// first one did not get through.
	Resent int
}

// Question is one packet's worth of curiosity.
type Question struct {
	Service Service
	From    *netns.Namespace
	Src     netip.Addr // invalid: what the kernel chooses
	Dst     netip.Addr
	// Again repeats a datagram after each such time; 0: it is sent once. TCP
	// is left to the kernel, which sends a SYN again after a second.
	Again time.Duration
}

// Ask sends the question and waits for the answer until ctx ends. A question
// that nobody answers is no error; one that could not be sent is, and so is
// one that is refused, as nobody listens there.
//
// TCP connects and exchanges data; UDP and other protocols send a datagram;
// ICMP sends a request.
func Ask(ctx context.Context, q Question) (Answer, error) {
	start := time.Now()
	resent, err := ask(ctx, q)
	var netErr net.Error
	switch {
	case err == nil:
		return Answer{OK: true, Took: time.Since(start), Resent: resent}, nil
	case ctx.Err() != nil,
		errors.As(err, &netErr) && netErr.Timeout(),
		errors.Is(err, unix.EHOSTUNREACH): // nobody answered ARP or ND
		return Answer{Took: time.Since(start)}, nil //nolint:nilerr // silence is an answer
	default:
		return Answer{}, fmt.Errorf("%s from %s to %s: %w", q.Service, q.From.Name(), q.Dst, err)
	}
}

// queueFull is how long to wait where the asker's own machine did not take the
// question: a slow one has too many packets that wait for a neighbour's answer.
const queueFull = 20 * time.Millisecond

func ask(ctx context.Context, q Question) (resent int, err error) {
	network, local, remote := q.Service.addresses(q.Src, q.Dst)
	dialer := net.Dialer{LocalAddr: local}
	conn, err := netns.Open(q.From, func() (net.Conn, error) {
		return dialer.DialContext(ctx, network, remote)
	})
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if tcp, ok := conn.(*net.TCPConn); ok {
		// Close by RST: no TIME_WAIT, no segments after the test has moved on.
		if err := tcp.SetLinger(0); err != nil {
			return 0, err
		}
		q.Again = 0
	}
	question, isAnswer := q.Service.question()
	for {
		switch _, err := conn.Write(question); {
		case errors.Is(err, unix.ENOBUFS) && ctx.Err() == nil:
			time.Sleep(queueFull)
			continue
		case err != nil:
			return 0, err
		}
		deadline, _ := ctx.Deadline()
		if again := time.Now().Add(q.Again); q.Again > 0 && (deadline.IsZero() || again.Before(deadline)) {
			deadline = again
		}
		switch err := awaitAnswer(conn, deadline, isAnswer); {
		case err == nil:
			return resentSegments(conn)
		case q.Again == 0 || ctx.Err() != nil || !errors.Is(err, os.ErrDeadlineExceeded):
			return 0, err
		}
	}
}

func awaitAnswer(conn net.Conn, deadline time.Time, isAnswer func([]byte) bool) error {
	if err := conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	buf := make([]byte, 2048)
	for {
		n, err := readPayload(conn, buf)
		if err != nil {
			return err
		}
		if isAnswer(buf[:n]) {
			return nil
		}
	}
}

// addresses are Dial's network and ends.
func (s Service) addresses(src, dst netip.Addr) (network string, local net.Addr, remote string) {
	switch s.Proto {
	case protoTCP:
		if src.IsValid() {
			local = net.TCPAddrFromAddrPort(netip.AddrPortFrom(src, 0))
		}
		return fmt.Sprintf("tcp%d", s.Family), local, netip.AddrPortFrom(dst, s.Port).String()
	case protoUDP:
		if src.IsValid() {
			local = net.UDPAddrFromAddrPort(netip.AddrPortFrom(src, 0))
		}
		return fmt.Sprintf("udp%d", s.Family), local, netip.AddrPortFrom(dst, s.Port).String()
	default:
		if src.IsValid() {
			local = &net.IPAddr{IP: src.AsSlice(), Zone: src.Zone()}
		}
		return fmt.Sprintf("ip%d:%d", s.Family, s.Proto), local, dst.String()
	}
}

// readPayload reads what follows the IP header.
func readPayload(conn net.Conn, buf []byte) (int, error) {
	if ip, ok := conn.(*net.IPConn); ok {
		n, _, err := ip.ReadFrom(buf) // Read would leave an IPv4 header in place
		return n, err
	}
	return conn.Read(buf)
}

// marks of a question and its answer, at the head of the payload.
const (
	markQuestion = 'Q'
	markAnswer   = 'A'
)

// question makes a question that no other is equal to, and the test for its
// answer.
func (s Service) question() ([]byte, func([]byte) bool) {
	nonce := rand.Uint64()
	if !s.isICMP() {
		q := binary.BigEndian.AppendUint64([]byte{markQuestion}, nonce)
		return q, func(b []byte) bool {
			return len(b) == len(q) && b[0] == markAnswer && string(b[1:]) == string(q[1:])
		}
	}
	// Identifier and sequence number are the nonce; 12 bytes follow, which a
	// timestamp request must have (RFC 792).
	q := make([]byte, 20)
	q[0], q[1] = s.ICMPType, s.ICMPCode
	binary.BigEndian.PutUint32(q[4:], uint32(nonce))
	if s.Family == 4 { // the kernel fills in ICMPv6's
		binary.BigEndian.PutUint16(q[2:], checksum(q))
	}
	return q, func(b []byte) bool {
		return len(b) >= 8 && s.answers(b[0]) && string(b[4:8]) == string(q[4:8])
	}
}

// answers tells whether an ICMP message of that type answers the request.
func (s Service) answers(icmpType uint8) bool {
	switch {
	case s.Family == 6:
		return icmpType == echoReplyV6
	case s.ICMPType == timestamp:
		return icmpType == timestampReply
	default:
		return icmpType == echoReply
	}
}

// checksum is the Internet checksum of RFC 1071 over an even number of bytes.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// resentSegments is TCP_INFO's count of retransmissions; 0 for other sockets.
func resentSegments(conn net.Conn) (int, error) {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return 0, nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0, err
	}
	var info *unix.TCPInfo
	var infoErr error
	if err := raw.Control(func(fd uintptr) {
		info, infoErr = unix.GetsockoptTCPInfo(int(fd), unix.SOL_TCP, unix.TCP_INFO)
	}); err != nil {
		return 0, err
	}
	if infoErr != nil {
		return 0, infoErr
	}
	return int(info.Total_retrans), nil
}
