package traffic

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/ringfence/ringfence/internal/netns"
)

// Server answers questions for one machine, on all its addresses. ICMP echo
// and timestamp are answered by the kernel.
type Server struct {
	ns *netns.Namespace

	mu        sync.Mutex
	listening map[Service]io.Closer
	conns     map[net.Conn]struct{}
	closed    bool
	wg        sync.WaitGroup
}

// NewServer makes a server that answers nothing yet.
func NewServer(ns *netns.Namespace) *Server {
	return &Server{ns: ns, listening: map[Service]io.Closer{}, conns: map[net.Conn]struct{}{}}
}

// Offer starts answering the services; those already offered stay.
func (s *Server) Offer(services ...Service) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	for _, svc := range services {
		if _, ok := s.listening[svc]; ok || svc.isICMP() {
			continue
		}
		c, err := s.listen(svc)
		if err != nil {
			return fmt.Errorf("offer %s in %s: %w", svc, s.ns.Name(), err)
		}
		s.listening[svc] = c
	}
	return nil
}

func (s *Server) listen(svc Service) (io.Closer, error) {
	if svc.Proto == protoTCP {
		l, err := netns.Open(s.ns, func() (net.Listener, error) {
			return net.Listen(fmt.Sprintf("tcp%d", svc.Family), fmt.Sprintf(":%d", svc.Port))
		})
		if err != nil {
			return nil, err
		}
		s.wg.Go(func() { s.accept(l) })
		return l, nil
	}
	network, address := fmt.Sprintf("ip%d:%d", svc.Family, svc.Proto), ""
	if svc.Proto == protoUDP {
		network, address = fmt.Sprintf("udp%d", svc.Family), fmt.Sprintf(":%d", svc.Port)
	}
	c, err := netns.Open(s.ns, func() (net.PacketConn, error) { return net.ListenPacket(network, address) })
	if err != nil {
		return nil, err
	}
	d, err := receiveInfo(c, svc.Family)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	s.wg.Go(func() { answerDatagrams(d) })
	return c, nil
}

// answerDatagrams turns questions into answers until the socket is closed,
// from the address that was asked. It leaves answers alone: the machine may
// be asking, too.
func answerDatagrams(c datagrams) {
	buf := make([]byte, 65536)
	for {
		n, reply, err := c.read(buf)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil || n == 0 || buf[0] != markQuestion:
			continue // an ICMP error for an earlier answer; a stray packet
		}
		buf[0] = markAnswer
		reply(buf[:n])
	}
}

func (s *Server) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			c.Close()
			return
		}
		s.conns[c] = struct{}{}
		s.mu.Unlock()
		s.wg.Go(func() {
			answerConn(c)
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
		})
	}
}

// answerConn answers questions of one length on a connection until its end.
func answerConn(c net.Conn) {
	defer c.Close()
	q, _ := Service{Proto: protoTCP}.question()
	buf := make([]byte, len(q))
	for {
		if _, err := io.ReadFull(c, buf); err != nil {
			return
		}
		buf[0] = markAnswer
		if _, err := c.Write(buf); err != nil {
			return
		}
	}
}

// Close ends all listening and waits until nothing of it runs.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	var errs []error
	for _, c := range s.listening {
		errs = append(errs, c.Close())
	}
	for c := range s.conns {
		c.Close() // its goroutine closes it again; either error says nothing
	}
	s.mu.Unlock()
	s.wg.Wait()
	return errors.Join(errs...)
}
