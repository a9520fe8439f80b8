package traffic

import (
	"fmt"
	"testing"
)

func TestParseService(t *testing.T) {
	for text, want := range map[string]string{
		"tcp/80":     "[tcp4/80 tcp6/80]",
		"udp6/53":    "[udp6/53]",
		"icmp":       "[icmp4 icmp6]",
		"icmp4/8/0":  "[icmp4]",
		"icmp4/13":   "[icmp4/13/0]",
		"icmp6/128":  "[icmp6]",
		"icmp6/1/4":  "[icmp6/1/4]",
		"ip/47":      "[ip4/47 ip6/47]",
		"ip4/255":    "[ip4/255]",
		"tcp":        "error",
		"tcp/80/1":   "error",
		"tcp/65536":  "error",
		"ip/256":     "error",
		"icmp/1/2/3": "error",
		"sctp/1":     "error",
		"":           "error",
	} {
		services, err := ParseService(text)
		got := fmt.Sprint(services)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func FuzzParseService(f *testing.F) {
	for _, s := range []string{"tcp/80", "icmp6/128/0", "ip4/47"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		services, err := ParseService(text)
		if err != nil {
			return
		}
		for _, s := range services {
			again, err := ParseService(s.String())
			if err != nil || len(again) != 1 || again[0] != s {
				t.Errorf("%q gives %v, which reads as %v, %v", text, s, again, err)
			}
		}
	})
}

// Frames come from whoever is on the wire: no frame may break the reader.
func FuzzParse(f *testing.F) {
	f.Add([]byte{})
	f.Add(append(make([]byte, 12), 0x08, 0x00, 0x4f, 0, 0, 20))
	f.Add(append(make([]byte, 12), 0x86, 0xdd, 0x60))
	f.Fuzz(func(t *testing.T, frame []byte) {
		p := Parse(frame)
		if p.Payload < 0 || p.Payload > len(frame) {
			t.Errorf("payload of %d bytes in a frame of %d", p.Payload, len(frame))
		}
		_ = p.String()
	})
}
