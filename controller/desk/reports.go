package desk

import (
	"context"
	"sync"

	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
)

// reportQueue is how many reports may wait to be read. Those beyond are dropped, so that
// nothing else on the connection has to wait for them.
const reportQueue = 256

// reportReader reads the packets that flows of watches and probes send to the controller.
// On each connection to the switch it begins with the first watch or probe.
type reportReader struct {
	deliver func(wire.PacketIn)
	readers sync.WaitGroup

	mu   sync.Mutex
	conn *ofconn.Conn // whose reports are read
}

// listen has the reports of a connection read until that ends. It does nothing if they are
// read already.
func (r *reportReader) listen(ctx context.Context, conn *ofconn.Conn) error {
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
			r.deliver(p)
		}
	})
	return nil
}
