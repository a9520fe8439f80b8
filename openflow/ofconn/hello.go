package ofconn

import (
	"bufio"
	"fmt"

	"github.com/ringfence/ringfence/openflow/wire"
)

// hello exchanges the versions, OpenFlow 1.5 §6.3.1, and returns the reader for
// all that follows. Both sides offer theirs at once.
func (c *Conn) hello() (*bufio.Reader, error) {
	hello, err := wire.Append(nil, c.xid(), wire.Hello{Versions: 1 << wire.Version})
	if err != nil {
		return nil, err
	}
	if _, err := c.sock.Write(hello); err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(c.sock, bufferSize)
	b, err := readMessage(in)
	if err != nil {
		return nil, err
	}
	_, m, err := wire.Decode(b)
	switch m := m.(type) {
	case wire.Hello:
		// Without a bitmap the header names the highest version.
		if m.Versions == 0 && b[0] >= wire.Version || m.Versions&(1<<wire.Version) != 0 {
			return in, nil
		}
		return nil, fmt.Errorf("%w: the bridge does not speak OpenFlow 1.5: is it among its protocols?", ErrProtocol)
	case wire.Error:
		return nil, m
	}
	if err == nil {
		err = fmt.Errorf("%T before a hello", m)
	}
	return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
}
