package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/internal/netns"
)

// listen has the server answer connections to a port by handle until ctx ends.
func (s *site) listen(ctx context.Context, port uint16, handle func(net.Conn)) (func(), error) {
	l, err := netns.Open(s.server.ns, func() (net.Listener, error) {
		return new(net.ListenConfig).Listen(ctx, "tcp4", netip.AddrPortFrom(serverAddr, port).String())
	})
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go handle(c)
		}
	}()
	return func() { l.Close() }, nil
}

func (s *site) dial(ctx context.Context, from netip.Addr, port uint16) (net.Conn, error) {
	d := net.Dialer{Timeout: 5 * time.Second, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	return d.DialContext(ctx, "tcp4", netip.AddrPortFrom(serverAddr, port).String())
}

// connect has so many at a time connect, ask a byte, be answered and close, for a while; it
// returns how many connections there were.
func (s *site) connect(ctx context.Context, atOnce int, while time.Duration) (float64, error) {
	stop, err := s.listen(ctx, servicePort, func(c net.Conn) {
		defer c.Close()
		b := make([]byte, 1)
		if _, err := c.Read(b); err == nil {
			_, _ = c.Write(b) // the client finds out
			_, _ = c.Read(b)  // until it closes
		}
	})
	if err != nil {
		return 0, err
	}
	defer stop()
	from := clientAddrs[s.turns%len(clientAddrs)]
	s.turns++
	var made atomic.Int64
	end := time.Now().Add(while)
	var g errgroup.Group
	for range atOnce {
		g.Go(func() error {
			return s.client.ns.Do(func() error {
				b := make([]byte, 1)
				for time.Now().Before(end) {
					c, err := s.dial(ctx, from, servicePort)
					if err != nil {
						return err
					}
					_, err = c.Write(b)
					if err == nil {
						_, err = io.ReadFull(c, b)
					}
					if err := errors.Join(err, c.Close()); err != nil {
						return err
					}
					made.Add(1)
				}
				return nil
			})
		})
	}
	err = g.Wait()
	return float64(made.Load()), err
}

// stream has the client send as much as it can by one connection, for a while; it returns
// how many Mbit the server got.
func (s *site) stream(ctx context.Context, while time.Duration) (float64, error) {
	got := make(chan int64, 1)
	stop, err := s.listen(ctx, servicePort, func(c net.Conn) {
		defer c.Close()
		n, _ := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, 1<<18))
		got <- n
	})
	if err != nil {
		return 0, err
	}
	defer stop()
	c, err := netns.Open(s.client.ns, func() (net.Conn, error) { return s.dial(ctx, clientAddrs[0], servicePort) })
	if err != nil {
		return 0, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	data := make([]byte, 1<<17)
	for end := time.Now().Add(while); time.Now().Before(end) && ctx.Err() == nil; {
		if _, err := c.Write(data); err != nil {
			return 0, err
		}
	}
	if err := c.Close(); err != nil {
		return 0, err
	}
	return float64(<-got) * 8 / 1e6, nil
}

// scan sends so many SYNs, each from one of 2,000 addresses, from one of 50 ports, which are
// others in each turn. to tells the port that each is to.
func (s *site) scan(ctx context.Context, syns int, to func(*rand.Rand) uint16) error {
	r := rand.New(rand.NewPCG(1, 2))
	s.turns++
	sock, device, err := s.client.packets()
	if err != nil {
		return err
	}
	defer unix.Close(sock)
	pause := 2 * time.Millisecond
	if s.kernel {
		pause = 50 * time.Millisecond // for an emulated machine
	}
	for i := range syns {
		from := netip.AddrFrom4([4]byte{10, 0, byte(r.IntN(16)), byte(2*r.IntN(126) + 3)})
		frame, err := syn(from, uint16(10000+50*(s.turns%1000)+r.IntN(50)), to(r))
		if err != nil {
			return err
		}
		if err := unix.Sendto(sock, frame, 0, &unix.SockaddrLinklayer{Ifindex: device}); err != nil {
			return fmt.Errorf("send a SYN: %w", err)
		}
		// What the switch has not read yet has room for some hundred frames.
		if i%16 == 15 {
			time.Sleep(pause)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	time.Sleep(50 * pause) // the switch reads the last of them
	return nil
}

// packets opens a socket for whole frames in a VM, and tells its interface.
func (v vm) packets() (sock, device int, err error) {
	sock, err = netns.Open(v.ns, func() (int, error) {
		eth0, err := net.InterfaceByName("eth0")
		if err != nil {
			return 0, err
		}
		device = eth0.Index
		return unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	})
	return sock, device, err
}

func syn(from netip.Addr, sport, dport uint16) ([]byte, error) {
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: from.AsSlice(), DstIP: serverAddr.AsSlice()}
	tcp := &layers.TCP{SrcPort: layers.TCPPort(sport), DstPort: layers.TCPPort(dport), SYN: true, Window: 1000}
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		return nil, err
	}
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: clientMAC[:], DstMAC: serverMAC[:], EthernetType: layers.EthernetTypeIPv4}, ip, tcp)
	return b.Bytes(), err
}
