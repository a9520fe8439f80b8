package traffic

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/ringfence/ringfence/internal/netns"
)

// StreamSpec describes a connection that is held open.
type StreamSpec struct {
	Proto          string // "tcp" or "udp"
	Client, Server *netns.Namespace
	Src, Dst       netip.Addr // the client's and the server's address
	Port           uint16     // of the server
	// Once the connection stands, each side that is not silent sends a small
	// message every so often.
	Every                      time.Duration
	SilentClient, SilentServer bool
}

// Stream is an open connection with messages on it. The connection was
// answered before Open returned: it is established at every conntrack on its
// way.
type Stream struct {
	Spec       StreamSpec
	ClientPort uint16
	ToServer   Way
	ToClient   Way

	closers  []io.Closer
	stopSend chan struct{}
	stopOnce sync.Once
	senders  sync.WaitGroup
	readers  sync.WaitGroup
}

// OpenStream opens the connection; it fails when ctx ends before that.
func OpenStream(ctx context.Context, spec StreamSpec) (*Stream, error) {
	s := &Stream{Spec: spec, stopSend: make(chan struct{})}
	var err error
	switch spec.Proto {
	case "tcp":
		err = s.openTCP(ctx)
	case "udp":
		err = s.openUDP(ctx)
	default:
		err = fmt.Errorf("protocol %q is neither tcp nor udp", spec.Proto)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s stream %s > %s port %d: %w", spec.Proto, spec.Src, spec.Dst, spec.Port, err), s.Close())
	}
	return s, nil
}

// network is Dial's name for the protocol in the stream's family.
func (s *Stream) network() string {
	if s.Spec.Dst.Is4() {
		return s.Spec.Proto + "4"
	}
	return s.Spec.Proto + "6"
}

func (s *Stream) openTCP(ctx context.Context) error {
	l, err := netns.Open(s.Spec.Server, func() (net.Listener, error) {
		return new(net.ListenConfig).Listen(ctx, s.network(), netip.AddrPortFrom(s.Spec.Dst, s.Spec.Port).String())
	})
	if err != nil {
		return err
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		defer close(accepted)
		if c, err := l.Accept(); err == nil {
			accepted <- c
		}
	}()
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(s.Spec.Src, 0))}
	client, err := netns.Open(s.Spec.Client, func() (net.Conn, error) {
		return dialer.DialContext(ctx, s.network(), l.Addr().String())
	})
	if err != nil {
		return err
	}
	s.closers = append(s.closers, client)
	s.ClientPort = client.LocalAddr().(*net.TCPAddr).AddrPort().Port()
	var server net.Conn
	select {
	case server = <-accepted:
	case <-ctx.Done():
		return ctx.Err()
	}
	if server == nil {
		return errors.New("not accepted")
	}
	s.closers = append(s.closers, server)
	for _, c := range []net.Conn{client, server} {
		if err := c.(*net.TCPConn).SetLinger(0); err != nil {
			return err
		}
	}
	// One byte there and back: both ends are established, not only the client.
	deadline, _ := ctx.Deadline()
	for _, hop := range [][2]net.Conn{{client, server}, {server, client}} {
		if _, err := hop[0].Write([]byte{markQuestion}); err != nil {
			return err
		}
		if err := hop[1].SetReadDeadline(deadline); err != nil {
			return err
		}
		if _, err := io.ReadFull(hop[1], make([]byte, 1)); err != nil {
			return err
		}
		if err := hop[1].SetReadDeadline(time.Time{}); err != nil {
			return err
		}
	}
	s.run(client, server)
	return nil
}

func (s *Stream) openUDP(ctx context.Context) error {
	at := net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.Spec.Dst, s.Spec.Port))
	server, err := netns.Open(s.Spec.Server, func() (*net.UDPConn, error) { return net.ListenUDP(s.network(), at) })
	if err != nil {
		return err
	}
	s.closers = append(s.closers, server)
	from := net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.Spec.Src, 0))
	client, err := netns.Open(s.Spec.Client, func() (*net.UDPConn, error) { return net.DialUDP(s.network(), from, at) })
	if err != nil {
		return err
	}
	s.closers = append(s.closers, client)
	s.ClientPort = client.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	peer, err := greet(ctx, client, server)
	if err != nil {
		return err
	}
	if err := errors.Join(server.SetReadDeadline(time.Time{}), client.SetReadDeadline(time.Time{})); err != nil {
		return err
	}
	s.run(client, udpServerEnd{server, peer})
	return nil
}

// askAgain is when a datagram counts as lost, as a busy machine may lose any.
const askAgain = time.Second

// greet has a question answered, so that both ends are established, and returns
// whom the server knows.
func greet(ctx context.Context, client net.Conn, server *net.UDPConn) (peer netip.AddrPort, err error) {
	buf := make([]byte, 1)
	for ctx.Err() == nil {
		until := time.Now().Add(askAgain)
		if err := errors.Join(server.SetReadDeadline(until), client.SetReadDeadline(until)); err != nil {
			return peer, err
		}
		if _, err := client.Write([]byte{markQuestion}); err != nil {
			return peer, err
		}
		if _, peer, err = server.ReadFromUDPAddrPort(buf); err == nil {
			if _, err := server.WriteToUDPAddrPort([]byte{markAnswer}, peer); err != nil {
				return peer, err
			}
			_, err = client.Read(buf)
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return peer, err
		}
	}
	return peer, ctx.Err()
}

// udpServerEnd is the server's socket as an end of one stream.
type udpServerEnd struct {
	*net.UDPConn
	peer netip.AddrPort
}

func (u udpServerEnd) Write(b []byte) (int, error) { return u.WriteToUDPAddrPort(b, u.peer) }

func (s *Stream) run(client, server io.ReadWriter) {
	s.readers.Go(func() { s.ToServer.receive(server) })
	s.readers.Go(func() { s.ToClient.receive(client) })
	if !s.Spec.SilentClient {
		s.senders.Go(func() { s.ToServer.send(client, s.Spec.Every, s.stopSend) })
	}
	if !s.Spec.SilentServer {
		s.senders.Go(func() { s.ToClient.send(server, s.Spec.Every, s.stopSend) })
	}
}

// Close ends the connection. What was measured stays.
func (s *Stream) Close() error {
	s.stopOnce.Do(func() { close(s.stopSend) })
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c.Close())
	}
	s.senders.Wait()
	s.readers.Wait()
	return errors.Join(errs...)
}

// Match tells whether a captured packet belongs to the stream.
func (s *Stream) Match(p *Packet) bool {
	if proto := map[string]uint8{"tcp": protoTCP, "udp": protoUDP}[s.Spec.Proto]; p.Proto != proto {
		return false
	}
	return p.Src == s.Spec.Src && p.Dst == s.Spec.Dst && p.SrcPort == s.ClientPort && p.DstPort == s.Spec.Port ||
		p.Src == s.Spec.Dst && p.Dst == s.Spec.Src && p.SrcPort == s.Spec.Port && p.DstPort == s.ClientPort
}
