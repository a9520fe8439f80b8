package traffic

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// Way is one direction of a stream: what was sent and what arrived.
type Way struct {
	mu       sync.Mutex
	sent     []time.Time // by sequence number
	arrivals []arrival
}

// messageSize is the size of a message in bytes: its sequence number.
const messageSize = 8

type arrival struct {
	seq int
	at  time.Time
}

func (w *Way) send(to io.Writer, every time.Duration, stop <-chan struct{}) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	msg := make([]byte, messageSize)
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		now := time.Now()
		w.mu.Lock()
		binary.BigEndian.PutUint64(msg, uint64(len(w.sent)))
		w.sent = append(w.sent, now)
		w.mu.Unlock()
		if _, err := to.Write(msg); err != nil && errors.Is(err, net.ErrClosed) {
			return // any other error is an ICMP error or a reset: it goes on trying
		}
	}
}

// receive reads messages: datagrams, or 8 bytes at a time of a stream.
func (w *Way) receive(from io.Reader) {
	buf := make([]byte, messageSize)
	_, isDatagram := from.(datagramEnd)
	least := messageSize
	if isDatagram {
		least = 1
	}
	for {
		n, err := io.ReadAtLeast(from, buf, least)
		if err != nil {
			var timeout net.Error
			if errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) || errors.As(err, &timeout) && timeout.Timeout() {
				return
			}
			if isDatagram {
				continue // an ICMP error
			}
			return
		}
		if n < messageSize {
			continue // a greeting that was thought lost
		}
		now := time.Now()
		seq := int(binary.BigEndian.Uint64(buf))
		w.mu.Lock()
		w.arrivals = append(w.arrivals, arrival{seq, now})
		w.mu.Unlock()
	}
}

// datagramEnd is what only UDP sockets have.
type datagramEnd interface {
	ReadFromUDP([]byte) (int, *net.UDPAddr, error)
}

// Sent counts the messages sent.
func (w *Way) Sent() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.sent)
}

// Arrived counts the messages that arrived.
func (w *Way) Arrived() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.arrivals)
}

// Last is when the last message arrived; zero if none did.
func (w *Way) Last() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.arrivals) == 0 {
		return time.Time{}
	}
	return w.arrivals[len(w.arrivals)-1].at
}

// Lost lists the sequence numbers of messages sent before a time that have
// not arrived.
func (w *Way) Lost(before time.Time) []int {
	w.mu.Lock()
	defer w.mu.Unlock()
	got := make(map[int]bool, len(w.arrivals))
	for _, a := range w.arrivals {
		got[a.seq] = true
	}
	var lost []int
	for seq, at := range w.sent {
		if at.Before(before) && !got[seq] {
			lost = append(lost, seq)
		}
	}
	return lost
}

// Delays are how long the messages sent in a time were on their way, of those
// that arrived, from the shortest to the longest.
func (w *Way) Delays(from, until time.Time) []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	var delays []time.Duration
	for _, a := range w.arrivals {
		if a.seq < len(w.sent) && !w.sent[a.seq].Before(from) && w.sent[a.seq].Before(until) {
			delays = append(delays, a.at.Sub(w.sent[a.seq]))
		}
	}
	slices.Sort(delays)
	return delays
}
