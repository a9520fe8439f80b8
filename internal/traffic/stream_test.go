package traffic

import (
	"context"
	"net"
	"testing"
	"time"
)

// lossy loses the first datagram that is sent by it.
type lossy struct {
	net.Conn
	sent int
}

func (l *lossy) Write(b []byte) (int, error) {
	if l.sent++; l.sent == 1 {
		return len(b), nil
	}
	return l.Conn.Write(b)
}

// TestALostGreetingIsMadeAgain: a stream does not fail to open by one datagram that a
// busy machine has lost.
func TestALostGreetingIsMadeAgain(t *testing.T) {
	t.Parallel()
	server, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client, err := net.Dial("udp4", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	peer, err := greet(ctx, &lossy{Conn: client}, server)
	if err != nil || peer.String() != client.LocalAddr().String() {
		t.Errorf("%v, %v: want %v", peer, err, client.LocalAddr())
	}
}
