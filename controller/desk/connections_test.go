package desk

import (
	"testing"
	"time"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/unixctl"
)

// Where the datapath counts, bytes and age of a connection are told.
func TestConnectionsWithCounters(t *testing.T) {
	t.Parallel()
	conn := unixctl.Conn{
		Proto: 6, Orig: unixctl.Tuple{Src: address4(1), Dst: address4(2), SPort: 1, DPort: 80}, Mark: ofrules.MarkUnrestricted,
		Sent: unixctl.Count{Packets: 3, Bytes: 400}, Received: unixctl.Count{Packets: 2, Bytes: 100}, Start: time.Now().Add(-time.Minute),
	}
	if c := showConnection(nil, nic(1), conn); c.Packets != 5 || c.Bytes != 500 || c.Age < 60 || c.Age > 3600 || c.Direction != "egress" {
		t.Errorf("where the datapath counts: %+v", c)
	}
}
