package traffic

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/internal/netns"
)

// Packet is one frame that a machine sent or received.
type Packet struct {
	At             time.Time // when the kernel passed it on
	Out            bool      // sent by the machine
	SrcMAC, DstMAC string
	EtherType      uint16
	Src, Dst       netip.Addr // invalid for other than IP
	Proto          uint8      // of the last IPv6 extension header's payload
	SrcPort        uint16
	DstPort        uint16
	ICMPType       uint8
	ICMPCode       uint8
	TCP            TCPFields
	Target         netip.Addr // whom ARP or Neighbor Discovery is about
	Payload        int        // bytes of TCP, UDP or ICMP payload
	Frame          []byte
}

// TCPFields identify a segment within its connection.
type TCPFields struct {
	Seq, Ack uint32
	Flags    string // of "FSRPA", those that are set
}

// Is tells whether the packet is a request for the service.
func (p *Packet) Is(s Service) bool {
	return p.Src.IsValid() && p.Src.Is4() == (s.Family == 4) && p.Proto == s.Proto &&
		p.DstPort == s.Port && p.ICMPType == s.ICMPType && p.ICMPCode == s.ICMPCode
}

func (p *Packet) String() string {
	way := "in "
	if p.Out {
		way = "out"
	}
	if !p.Src.IsValid() {
		return fmt.Sprintf("%s %s>%s ethertype %#04x%s", way, p.SrcMAC, p.DstMAC, p.EtherType, p.about())
	}
	text := fmt.Sprintf("%s %s>%s proto %d", way, p.Src, p.Dst, p.Proto)
	switch {
	case p.SrcPort != 0:
		text += fmt.Sprintf(" %d>%d %s", p.SrcPort, p.DstPort, p.TCP.Flags)
	case p.Proto == protoICMP || p.Proto == protoICMPv6:
		text += fmt.Sprintf(" type %d code %d%s", p.ICMPType, p.ICMPCode, p.about())
	}
	return text
}

func (p *Packet) about() string {
	if !p.Target.IsValid() {
		return ""
	}
	return " about " + p.Target.String()
}

// Seeks tells whether the packet asks or says who has an address.
func (p *Packet) Seeks(a netip.Addr) bool { return p.Target.IsValid() && p.Target == a }

// Capture records what one device sends and receives.
type Capture struct {
	conn *packet.Conn
	raw  syscall.RawConn
	done chan struct{}

	mu      sync.Mutex
	packets []Packet
}

// NewCapture starts recording a device of the namespace.
func NewCapture(ns *netns.Namespace, device string) (*Capture, error) {
	c := &Capture{done: make(chan struct{})}
	err := ns.Do(func() error {
		ifi, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		c.conn, err = packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil)
		return err
	})
	if err == nil {
		err = c.prepare()
	}
	if err != nil {
		return nil, fmt.Errorf("capture on %s of %s: %w", device, ns.Name(), err)
	}
	go c.record()
	return c, nil
}

// prepare has the kernel say when each packet passed, and keep what this
// process is slow to read.
func (c *Capture) prepare() (err error) {
	if c.raw, err = c.conn.SyscallConn(); err != nil {
		return err
	}
	var setErr error
	err = c.raw.Control(func(fd uintptr) {
		setErr = errors.Join(
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
			unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20))
	})
	return errors.Join(err, setErr)
}

func (c *Capture) record() {
	defer close(c.done)
	buf, control := make([]byte, 65536), make([]byte, 128)
	for {
		var n, controlLen int
		var from unix.Sockaddr
		var err error
		waitErr := c.raw.Read(func(fd uintptr) bool {
			n, controlLen, _, from, err = unix.Recvmsg(int(fd), buf, control, unix.MSG_DONTWAIT)
			return !errors.Is(err, unix.EAGAIN)
		})
		if waitErr != nil || err != nil {
			return // closed, or its device is gone
		}
		p := Parse(buf[:n])
		p.At = stamped(control[:controlLen])
		if link, ok := from.(*unix.SockaddrLinklayer); ok {
			p.Out = link.Pkttype == unix.PACKET_OUTGOING
		}
		c.mu.Lock()
		c.packets = append(c.packets, p)
		c.mu.Unlock()
	}
}

// stamped reads the time of SCM_TIMESTAMPNS, see socket(7).
func stamped(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return time.Now()
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
			return time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
		}
	}
	return time.Now()
}

// Find returns the packets recorded since a time that match.
func (c *Capture) Find(since time.Time, match func(*Packet) bool) []Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []Packet
	for i := range c.packets {
		if p := &c.packets[i]; !p.At.Before(since) && match(p) {
			found = append(found, *p)
		}
	}
	return found
}

// Close ends the recording; what is recorded can still be searched.
func (c *Capture) Close() error {
	err := c.conn.Close()
	<-c.done
	return err
}

// Parse reads a frame as far as it can be read.
func Parse(frame []byte) Packet {
	p := Packet{Frame: append([]byte(nil), frame...)}
	decoded := gopacket.NewPacket(p.Frame, layers.LayerTypeEthernet, gopacket.DecodeOptions{NoCopy: true})
	for _, layer := range decoded.Layers() {
		p.add(layer)
	}
	return p
}

func (p *Packet) add(layer gopacket.Layer) {
	switch l := layer.(type) {
	case *layers.Ethernet:
		p.SrcMAC, p.DstMAC, p.EtherType = l.SrcMAC.String(), l.DstMAC.String(), uint16(l.EthernetType)
	case *layers.IPv4:
		p.Src, p.Dst, p.Proto = addr(l.SrcIP), addr(l.DstIP), uint8(l.Protocol)
	case *layers.IPv6:
		p.Src, p.Dst, p.Proto = addr(l.SrcIP), addr(l.DstIP), uint8(l.NextHeader)
	case *layers.IPv6HopByHop:
		p.Proto = uint8(l.NextHeader)
	case *layers.IPv6Destination:
		p.Proto = uint8(l.NextHeader)
	case *layers.IPv6Fragment:
		p.Proto = uint8(l.NextHeader)
	case *layers.TCP:
		p.SrcPort, p.DstPort, p.Payload = uint16(l.SrcPort), uint16(l.DstPort), len(l.Payload)
		p.TCP = TCPFields{Seq: l.Seq, Ack: l.Ack}
		for i, set := range []bool{l.FIN, l.SYN, l.RST, l.PSH, l.ACK} {
			if set {
				p.TCP.Flags += "FSRPA"[i : i+1]
			}
		}
	case *layers.UDP:
		p.SrcPort, p.DstPort, p.Payload = uint16(l.SrcPort), uint16(l.DstPort), len(l.Payload)
	case *layers.ICMPv4:
		p.ICMPType, p.ICMPCode, p.Payload = l.TypeCode.Type(), l.TypeCode.Code(), len(l.Payload)
	case *layers.ARP:
		p.Target = addr(l.DstProtAddress)
		if l.Operation == layers.ARPReply {
			p.Target = addr(l.SourceProtAddress)
		}
	case *layers.ICMPv6NeighborSolicitation:
		p.Target = addr(l.TargetAddress)
	case *layers.ICMPv6NeighborAdvertisement:
		p.Target = addr(l.TargetAddress)
	case *layers.ICMPv6:
		p.ICMPType, p.ICMPCode, p.Payload = l.TypeCode.Type(), l.TypeCode.Code(), len(l.Payload)
	}
}

func addr(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a
}
