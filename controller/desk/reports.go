package desk

import (
	"context"
	"sync"

	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
)

// reportQueue is how many reports may wait to be read. More are dropped: nothing
// else on the connection waits for them.
const reportQueue = 256

// reports brings what flows of watches and probes tell. It begins with the first
// of them on each connection.
type reports struct {
	heard   func(wire.PacketIn)
	readers sync.WaitGroup

	mu   sync.Mutex
	conn *ofconn.Conn // that is read
}

// listen reads the reports of a connection until that ends.
func (r *reports) listen(ctx context.Context, conn *ofconn.Conn) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn == conn {
		return nil
	}
	packets, err := conn.PacketIns(ctx, reportQueue)
	if err != nil {
		return err
	}
	r.conn = conn
	r.readers.Go(func() {
		for p := range packets {
			r.heard(p)
		}
	})
	return nil
}
