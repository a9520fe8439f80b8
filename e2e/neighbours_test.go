package e2e

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/lab"
	"github.com/ringfence/ringfence/internal/lines"
	"github.com/ringfence/ringfence/internal/matrix"
	"github.com/ringfence/ringfence/internal/netns"
)

var neighboursFlag = flag.Duration("neighbours", 0, "how long each phase of TestNeighboursOfAFlood takes; 0 leaves it out")

// TestNeighboursOfAFlood measures what a VM that sends as fast as it can, from its
// own MAC and address and with nothing that restricts it, does to how long others
// of its host take to connect: with one packet again and again, with as many
// destinations as packets, and with what makes a megaflow of each packet. All of it
// in one run, "make bench-flood", which prints a JSON line a kind of flood.
func TestNeighboursOfAFlood(t *testing.T) {
	if *neighboursFlag == 0 {
		t.Skip("it measures and asserts no figure: make bench-flood")
	}
	command := fmt.Sprintf("go test -run '^TestNeighboursOfAFlood$' ./e2e -neighbours %s", *neighboursFlag)
	out, err := lines.Begin(t.Context(), os.Stdout, command, lines.Members{"bench": "flood"})
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range limitsTried() {
		name := cmp.Or(strings.Join(limit, " "), "no limit")
		t.Run(name, func(t *testing.T) {
			neighboursOfAFlood(t, newDatacentre(t, limit...), out.With(lines.Members{"limit": name}))
		})
	}
}

// limitsTried are the flags of hosts that are measured: packets are limited on the
// kernel datapath alone.
func limitsTried() [][]string {
	if lab.Datapath() != lab.KernelDatapath {
		return [][]string{nil}
	}
	return [][]string{nil, {"--nic-packets=1000", "--nic-packet-burst=1000"}}
}

func neighboursOfAFlood(t *testing.T, dc *datacentre, out *lines.Writer) {
	t.Helper()
	n := dc.newTenant(t)
	n.play("eve", "victim", "client", "server")
	for _, role := range n.roles {
		n.group(role)
		n.join(role, role)
	}
	n.rule("server", "in", "ingress tcp 80 from client")
	from, to := n.party("client@h1"), n.party("server@h1")
	dial := dialler(t, from, to)
	w := newWire(n.party("eve@h1"), n.party("victim@h1"), n.vlan)
	away := func(w wire) wire {
		w.dstMAC = mac("02:ff:00:00:00:01")
		w.dst4 = net.IP{byte(20 + rand.IntN(100)), byte(rand.IntN(256)), byte(rand.IntN(256)), byte(rand.IntN(256))}
		return w
	}
	calm := time.Duration(0)
	anyone := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rand.IntN(256))
		}
		return b
	}
	none := func() net.HardwareAddr { return append(net.HardwareAddr{2, 0xfe}, anyone(4)...) }
	for _, phase := range []struct {
		name string
		next func() []byte
	}{
		{"no flood", nil},
		{"one packet again and again", func() []byte { return w.udp4(53) }},
		{"as many destinations and ports", func() []byte { return away(w).udp4(uint16(1024 + rand.IntN(60000))) }},
		{"a destination MAC each", func() []byte {
			w := w
			w.dstMAC = none()
			return w.udp4(53)
		}},
		{"a target of ARP each", func() []byte { return w.arp(1, w.srcMAC, w.src4, anyone(4)) }},
		{"a sender of ARP each", func() []byte { return w.arp(1, none(), anyone(4), anyone(4)) }},
		{"a target of a solicitation each", func() []byte { return w.icmp6(255, 135, neighbour(0, anyone(16), ndOption(1, w.srcMAC))) }},
		{"a target of an advertisement each", func() []byte { return w.icmp6(255, 136, neighbour(0x60, anyone(16), ndOption(2, w.srcMAC))) }},
		{"a MAC in a solicitation each", func() []byte { return w.icmp6(255, 135, neighbour(0, w.src6, ndOption(1, none()))) }},
		{"an EtherType each", func() []byte { return w.ethertype(uint16(0x0900 + rand.IntN(0x7000))) }},
		{"no flood any more", nil},
	} {
		if _, err := n.dc.lab.Host("h1").Appctl(t.Context(), "revalidator/purge"); err != nil { // what the one before left
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), *neighboursFlag)
		sent := make(chan int, 1)
		begin := time.Now()
		go func() { sent <- n.fire(ctx, "eve@h1", phase.next) }()
		var took []time.Duration
		for ctx.Err() == nil {
			took = append(took, dial())
			time.Sleep(2 * time.Millisecond)
		}
		cancel()
		packets := float64(<-sent) / time.Since(begin).Seconds()
		slices.Sort(took)
		p99 := took[(len(took)-1)*99/100]
		if calm == 0 {
			calm = p99
		}
		if err := out.Figure("connection_p99", p99.Seconds(), "s", lines.Members{
			"sent": phase.name, "packets_per_s": packets, "megaflows": n.megaflows("h1"), "p50": took[(len(took)-1)/2].Seconds(), "ratio": float64(p99) / float64(calm), "n": len(took),
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// dialler returns what connects once and says how long that took.
func dialler(t *testing.T, from, to *matrix.Party) func() time.Duration {
	t.Helper()
	address := netip.AddrPortFrom(to.Node.Address(4), 80).String()
	l, err := netns.Open(to.Node.NS, func() (net.Listener, error) { return net.Listen("tcp4", address) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			} else if err == nil {
				_, _ = io.Copy(io.Discard, c) // until the other end is done
				c.Close()
			}
		}
	}()
	return func() (took time.Duration) {
		c, err := netns.Open(from.Node.NS, func() (net.Conn, error) {
			begin := time.Now()
			c, err := (&net.Dialer{Timeout: longest}).Dial("tcp4", address)
			took = time.Since(begin)
			return c, err
		})
		if err != nil {
			t.Error(err)
			return took
		}
		// Reset, not closed: of tens of thousands that wait for their end (TIME_WAIT) the
		// client's kernel would take milliseconds to find a port for the next.
		if err := c.(*net.TCPConn).SetLinger(0); err != nil {
			t.Error(err)
		}
		c.Close()
		return took
	}
}

// fire sends frames, nil for none, until ctx ends, and returns how many.
func (n *tenant) fire(ctx context.Context, from string, next func() []byte) (sent int) {
	if next == nil {
		return 0
	}
	s := newSender(n.t, n.party(from).Node)
	for ctx.Err() == nil {
		s.send(n.t, next())
		if sent++; sent%20 == 0 {
			time.Sleep(time.Millisecond) // or the device's buffer loses them
		}
	}
	return sent
}

// megaflows is how many a host's switch has.
func (n *tenant) megaflows(host string) int {
	n.t.Helper()
	text, err := n.dc.lab.Host(host).Appctl(n.t.Context(), "upcall/show")
	if err != nil {
		n.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(text, "current ")
	current, _, _ := strings.Cut(rest, ")")
	count, err := strconv.Atoi(current)
	if err != nil {
		n.t.Fatalf("no count of megaflows in %q", text)
	}
	return count
}
