package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/internal/netns"
)

// connections are held open while others are measured.
type connections []net.Conn

// hold opens 200, whose server answers each byte by the same.
func (s *site) hold(ctx context.Context) (held connections, err error) {
	stop, err := s.listen(ctx, heldPort, func(c net.Conn) {
		defer c.Close()
		_, _ = io.Copy(c, c) // the client finds out
	})
	if err != nil {
		return nil, err
	}
	defer stop()
	for range 200 {
		c, err := netns.Open(s.client.ns, func() (net.Conn, error) { return s.dial(ctx, clientAddrs[0], heldPort) })
		if err != nil {
			held.close()
			return nil, err
		}
		held = append(held, c)
	}
	// Whoever has not been accepted when the server listens no more is reset.
	if n := held.silent(); n > 0 {
		held.close()
		return nil, fmt.Errorf("%d of the connections that are held do not answer", n)
	}
	return held, nil
}

func (h connections) close() {
	for _, c := range h {
		c.Close()
	}
}

// silent counts those that do not answer within half a minute.
func (h connections) silent() (n int) {
	b := make([]byte, 1)
	for _, c := range h {
		err := c.SetDeadline(time.Now().Add(30 * time.Second))
		if err == nil {
			_, err = c.Write(b)
		}
		if err == nil {
			_, err = io.ReadFull(c, b)
		}
		if err != nil {
			n++
		}
	}
	return n
}

// mostTypes is how many types of frames can be made up from 0x9200 on: none has a meaning.
const mostTypes = 0x6000

// usedWithin is the time in which each megaflow in use has a frame; Open vSwitch
// forgets one after 10 s without.
const usedWithin = 4 * time.Second

// use has the client send frames of so many made-up types, each of which has a megaflow,
// until ctx ends.
func (s *site) use(ctx context.Context, megaflows int) error {
	sock, device, err := s.client.packets()
	if err != nil {
		return err
	}
	defer unix.Close(sock)
	frame := make([]byte, 60)
	copy(frame, serverMAC[:])
	copy(frame[6:], clientMAC[:])
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for begin, sent := time.Now(), 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for due := int(time.Since(begin).Seconds() / usedWithin.Seconds() * float64(megaflows)); sent < due; sent++ {
			binary.BigEndian.PutUint16(frame[12:], uint16(0x9200+sent%megaflows))
			if err := unix.Sendto(sock, frame, 0, &unix.SockaddrLinklayer{Ifindex: device}); err != nil {
				return err
			}
		}
	}
}
