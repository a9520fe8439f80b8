package faults

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/ringfence/ringfence/internal/netns"
)

// How streams send.
const (
	sendEvery = 100 * time.Millisecond
	// redialAfter is how long a client of TCP waits for something to come before
	// it begins anew.
	redialAfter = 2 * time.Second
	// dialFor is how long it tries: a SYN and a second one.
	dialFor = 1500 * time.Millisecond
)

// Senders keep flows going until they are closed.
type Senders struct {
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	datagrams map[netip.AddrPort]*net.UDPConn // several flows may end at one
	listening map[netip.AddrPort]bool
}

// NewSenders makes one without flows.
func NewSenders() *Senders {
	s := &Senders{datagrams: map[netip.AddrPort]*net.UDPConn{}, listening: map[netip.AddrPort]bool{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Close ends all flows.
func (s *Senders) Close() {
	s.cancel()
	s.wg.Wait()
}

// every calls do until the senders are closed.
func (s *Senders) every(d time.Duration, do func()) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
			do()
		}
	}
}

// end is where a flow ends.
type end struct {
	ns *netns.Namespace
	at netip.AddrPort
}

// UDP has the client, and the server too if both send, send datagrams to the
// other. What arrives is for the sniffers to see; nobody reads it.
func (s *Senders) UDP(from, to end, both bool) error {
	for _, way := range [][2]end{{from, to}, {to, from}} {
		conn, err := s.socket(way[0])
		if err != nil {
			return err
		}
		if way[0] == to && !both {
			continue
		}
		dst := way[1].at
		s.wg.Go(func() {
			s.every(sendEvery, func() {
				_, _ = conn.WriteToUDPAddrPort([]byte("ringfence"), dst) // lost like any packet
			})
		})
	}
	return nil
}

// socket is the one that is bound there.
func (s *Senders) socket(e end) (*net.UDPConn, error) {
	if conn := s.datagrams[e.at]; conn != nil {
		return conn, nil
	}
	conn, err := netns.Open(e.ns, func() (*net.UDPConn, error) { return net.ListenUDP("udp", net.UDPAddrFromAddrPort(e.at)) })
	if err != nil {
		return nil, fmt.Errorf("udp at %s of %s: %w", e.at, e.ns.Name(), err)
	}
	s.datagrams[e.at] = conn
	s.wg.Go(func() {
		<-s.ctx.Done()
		conn.Close()
	})
	return conn, nil
}

// listen accepts connections there, and sends over them.
func (s *Senders) listen(e end) error {
	if s.listening[e.at] {
		return nil
	}
	l, err := netns.Open(e.ns, func() (net.Listener, error) { return net.Listen("tcp", e.at.String()) })
	if err != nil {
		return fmt.Errorf("tcp at %s of %s: %w", e.at, e.ns.Name(), err)
	}
	s.listening[e.at] = true
	s.wg.Go(func() {
		<-s.ctx.Done()
		l.Close()
	})
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				s.wg.Go(func() { s.talk(c, 5*redialAfter) })
			}
		}
	})
	return nil
}

// TCP has a client connect, and both ends send over the connection for as long
// as something comes back; then it connects anew. The server goes on sending
// over a connection that the client has left.
func (s *Senders) TCP(from, to end) error {
	if err := s.listen(to); err != nil {
		return err
	}
	s.wg.Go(func() {
		for s.ctx.Err() == nil {
			dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from.at.Addr(), 0)), Timeout: dialFor}
			c, err := netns.Open(from.ns, func() (net.Conn, error) { return dialer.DialContext(s.ctx, "tcp", to.at.String()) })
			if err != nil {
				select {
				case <-s.ctx.Done():
				case <-time.After(sendEvery):
				}
				continue
			}
			s.talk(c, redialAfter)
		}
	})
	return nil
}

// talk sends and reads until nothing has come for a time.
func (s *Senders) talk(c net.Conn, patience time.Duration) {
	defer c.Close()
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // the connection ends at once
	}
	done := make(chan struct{})
	s.wg.Go(func() {
		defer close(done)
		buf := make([]byte, 512)
		for {
			_ = c.SetReadDeadline(time.Now().Add(patience))
			if _, err := io.ReadAtLeast(c, buf, 1); err != nil {
				return
			}
		}
	})
	tick := time.NewTicker(sendEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-done:
			return
		case <-tick.C:
			_ = c.SetWriteDeadline(time.Now().Add(sendEvery))
			_, _ = c.Write([]byte("ring")) // an error ends the reading, too
		}
	}
}
