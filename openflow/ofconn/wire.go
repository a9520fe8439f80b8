package ofconn

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/ringfence/ringfence/openflow/wire"
)

// bufferSize is what one read or write of the socket moves at most.
const bufferSize = 256 << 10

// readMessage reads one message with its header; the memory is the caller's.
func readMessage(in *bufio.Reader) ([]byte, error) {
	head, err := in.Peek(8)
	if err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(head[2:]))
	if length < 8 {
		return nil, fmt.Errorf("%w: message of %d bytes", ErrProtocol, length)
	}
	msg := make([]byte, length)
	_, err = io.ReadFull(in, msg)
	return msg, err
}

// read takes messages in until the connection fails. It never waits for anything
// but the socket: the switch stops reading when its answers are not read.
func (c *Conn) read(in *bufio.Reader) error {
	for {
		msg, err := readMessage(in)
		if err != nil {
			return err
		}
		c.noteReceived()
		if err := c.dispatch(msg); err != nil {
			return err
		}
	}
}

// write sends what is handed over, many messages with one system call.
func (c *Conn) write() error {
	buf := net.Buffers{}
	for {
		select {
		case b := <-c.urgent:
			buf = append(buf, b)
		case b := <-c.out:
			buf = append(buf, b)
		case <-c.done:
			return c.err
		}
	more:
		for len(buf) < cap(c.out) {
			select {
			case b := <-c.urgent:
				buf = append(buf, b)
			case b := <-c.out:
				buf = append(buf, b)
			default:
				break more
			}
		}
		sending := buf
		if _, err := sending.WriteTo(c.sock); err != nil {
			return err
		}
		clear(buf)
		buf = buf[:0]
	}
}

// watch asks for an echo when the switch is silent, and gives up when it stays
// so. The time runs from the asking: a process that was itself held up for long
// has not read yet what came in meanwhile.
func (c *Conn) watch() error {
	tick := time.NewTicker(c.opts.EchoInterval / 2)
	defer tick.Stop()
	var asked time.Time // first of this silence
	for {
		select {
		case <-tick.C:
		case <-c.done:
			return c.err
		}
		silence := c.silence()
		if silence < c.opts.EchoInterval {
			asked = time.Time{}
			continue
		}
		if asked.IsZero() {
			asked = time.Now()
		}
		if time.Since(asked) >= c.opts.EchoTimeout-c.opts.EchoInterval {
			return fmt.Errorf("%w for %v", ErrSilent, silence.Round(time.Millisecond))
		}
		if echo, err := wire.Append(nil, c.xid(), wire.EchoRequest{}); err == nil {
			c.sendUrgent(echo)
		}
	}
}

// sendUrgent sends a message before others; it is dropped if many such ones wait.
func (c *Conn) sendUrgent(b []byte) {
	select {
	case c.urgent <- b:
	default:
	}
}
