package packet_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/packet"
)

// TestText: what a packet's text says is read back as the same packet.
func TestText(t *testing.T) {
	for _, text := range []string{
		"10.0.0.1 > 10.0.0.2 tcp 80",
		"10.0.0.1 > 10.0.0.2 tcp 80 from 0",
		"fd00::1 > fd00::2 udp 53 from 53",
		"10.0.0.1 > 10.0.0.2 icmp 8/0",
		"fd00::1 > fd00::2 icmp 128/0",
		"10.0.0.1 > 10.0.0.2 proto 58",
		"fd00::1 > fd00::2 proto 1",
		"10.0.0.1 > 10.0.0.2 proto 0",
	} {
		words := strings.Fields(text)
		p := packet.Tuple{Src: netip.MustParseAddr(words[0]), Dst: netip.MustParseAddr(words[2])}
		if err := p.SetPayload(words[3:]...); err != nil || p.String() != text {
			t.Errorf("%s is read as %s, %v", text, p, err)
		}
	}
}

// TestTextFaults: what cannot be meant is refused.
func TestTextFaults(t *testing.T) {
	for _, text := range []string{"", "tcp", "tcp x", "tcp 65536", "tcp 80 from", "tcp 80 from x", "tcp 80 to 90", "icmp echo", "icmp 256/0", "icmp 8/0 1", "proto 256", "proto 6 80", "gre 1"} {
		p := packet.Tuple{Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("10.0.0.2")}
		if err := p.SetPayload(strings.Fields(text)...); err == nil {
			t.Errorf("%q is read as %s", text, p)
		}
	}
}
