package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/client"
)

// watching tells a flow that looks for drops (cookie kind 0x0b).
func watching(flow string) bool { return strings.Contains(flow, "cookie=0x52470b") }

// What real packets are dropped for is told, by the NIC that refused them, with
// reason, tuple and count; nothing else is, and nothing of other accounts. Hosts
// look while somebody asks only.
func TestDropsTellTheTruth(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n, other := dc.newTenant(t), dc.newTenant(t)
	n.play("web", "jail", "db")
	other.play("web")
	n.groups("web", "db")
	n.group("jail", egressPolicy("listed"))
	n.rule("db", "dns", "ingress udp 53 from any")
	for _, g := range []string{"web", "jail", "db"} {
		n.join(g, g)
	}
	before := flows(t, dc.lab.Host("h1"))
	if slices.ContainsFunc(before, watching) {
		t.Fatal("a host looks although nobody asked")
	}
	if l := n.drops(client.DropFilter{}); len(l.Hosts) != 2 || l.Rate == 0 || l.Until.IsZero() {
		t.Errorf("the first answer is %+v", l)
	}
	const tries = 4
	for try := 1; ; try++ {
		asked := time.Now()
		wrong := n.dropped(uint16(1000*try), other)
		if wrong == nil {
			break
		}
		if try == tries || !overloaded(t, dc.lab, asked) {
			t.Fatal(wrong)
		}
	}
	l, err := n.api.Drops(t.Context(), n.account, client.DropFilter{NIC: n.nic("jail", "h1")})
	if err != nil || len(l.Items) == 0 || slices.ContainsFunc(l.Items, func(d client.Drop) bool { return d.NIC != n.nic("jail", "h1") }) {
		t.Errorf("of one NIC: %+v %v", l, err)
	}
	if _, err := other.api.Drops(t.Context(), other.account, client.DropFilter{NIC: n.nic("jail", "h1")}); !client.IsNotFound(err) {
		t.Errorf("of another account's NIC: %v", err)
	}
	if l := other.drops(client.DropFilter{}); slices.ContainsFunc(l.Items, func(d client.Drop) bool { return !strings.HasPrefix(d.NIC, other.network) }) {
		t.Errorf("another account is told of %+v", l.Items)
	}
	eventually(t, time.Minute, func() error {
		fs, err := dc.lab.Host("h1").Flows(t.Context())
		if err == nil && slices.ContainsFunc(fs, watching) {
			err = fmt.Errorf("the host still looks: %d flows", len(fs))
		}
		return err
	})
	expectFlows(t, dc.lab.Host("h1"), before)
}

func (n *tenant) drops(f client.DropFilter) client.DropList {
	n.t.Helper()
	f.Limit = "1000"
	l, err := n.api.Drops(n.t.Context(), n.account, f)
	if err != nil {
		n.t.Fatal(err)
	}
	return l
}

// The command prints drops as they come, without colours where there is no
// terminal, until it is interrupted.
func TestDropsAreFollowed(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := dc.newTenant(t)
	n.play("web", "db")
	n.groups("web", "db")
	n.join("web", "web")
	n.join("db", "db")
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "drops", "--follow", "--nic", n.nic("db", "h2"))
	cmd.Env = append(os.Environ(), "RINGFENCE_SERVER="+dc.stack.URL, "RINGFENCE_TOKEN="+dc.stack.Token, "RINGFENCE_ACCOUNT="+n.account)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // should it not have ended
	from, frame := newSender(t, n.party("web@h1").Node), newWire(n.party("web@h1"), n.party("db@h2"), n.vlan)
	told := make(chan string, 1)
	go func() {
		defer close(told)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.Contains(lines.Text(), "ingress  no-rule  "+net.JoinHostPort(frame.src4.String(), fmt.Sprint(frame.port()))) {
				told <- lines.Text()
				return
			}
		}
	}()
	var line string
	eventually(t, longest, func() error {
		from.send(t, frame.udp4(9))
		select {
		case line = <-told:
			return nil
		case <-time.After(100 * time.Millisecond):
			return errors.New("nothing is told")
		}
	})
	if !strings.Contains(line, net.JoinHostPort(frame.dst4.String(), "9")+" udp") || strings.Contains(line, "\x1b") {
		t.Errorf("told %q", line)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, out); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("interrupted, it ends with %v", err)
	}
}

// dropped sends packets to ports from base on and says what is told wrongly of them.
func (n *tenant) dropped(base uint16, other *tenant) error {
	n.t.Helper()
	web, jail, db := n.party("web@h1"), n.party("jail@h1"), n.party("db@h2")
	fromWeb, fromJail := newSender(n.t, web.Node), newSender(n.t, jail.Node)
	ofWeb, ofJail := newWire(web, db, n.vlan), newWire(jail, db, n.vlan)
	spoofed, dhcp := ofWeb, ofWeb
	spoofed.src4 = ip("10.0.0.99").To4()
	var want = map[string]uint64{}
	send := func(s *sender, frame []byte, times int, line string) {
		for range times {
			s.send(n.t, frame)
			time.Sleep(pace)
		}
		if line != "" {
			want[line] = uint64(times)
		}
	}
	line := func(role, host, direction, reason, proto string, port uint16) string {
		return fmt.Sprintln(n.nic(role, host), host, direction, reason, proto, port)
	}
	send(fromWeb, ofWeb.udp4(53), 6, "")
	send(fromWeb, ofWeb.udp4(base), 9, line("db", "h2", "ingress", "no-rule", "udp", base))
	send(fromJail, ofJail.udp4(base+1), 8, line("jail", "h1", "egress", "no-rule", "udp", base+1))
	send(fromWeb, spoofed.udp4(base+2), 7, line("web", "h1", "egress", "spoofed", "udp", base+2))
	send(fromWeb, ofWeb.tcp(base+3, 0x03)[0], 6, line("web", "h1", "egress", "ct-invalid", "tcp", base+3))
	send(fromWeb, dhcp.in4(dhcp.ip4(layers.IPProtocolUDP), udp(base+4, 68), dhcp.payload()), 5, line("web", "h1", "egress", "guard", "udp", 68))
	send(fromWeb, tagged(ofWeb.udp4(base+5), 0x8100, 7), 4, line("web", "h1", "egress", "vlan-tag", "udp", base+5))

	var wrong error
	for deadline := time.Now().Add(longest); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		got, sums := map[string]uint64{}, map[string]uint64{}
		l := n.drops(client.DropFilter{})
		other.drops(client.DropFilter{}) // looks as well
		for _, d := range l.Items {
			if d.SourcePort == int(ofWeb.port()) || d.SourcePort == int(ofJail.port()) || d.SourcePort == int(base+4) {
				got[fmt.Sprintln(d.NIC, d.Host, d.Direction, d.Reason, d.Protocol, d.Port)] += d.Count
			}
			if d.Reason == "" || d.Detail == "" || d.LastSeen.Before(d.FirstSeen) || d.Host == "" {
				n.t.Errorf("an incomplete drop: %+v", d)
			}
		}
		for _, s := range l.Totals {
			sums[s.NIC+" "+s.Direction+" "+s.Reason] += s.Packets
		}
		switch {
		case !maps.Equal(got, want):
			wrong = fmt.Errorf("told of %v, want %v", got, want)
		case sums[n.nic("db", "h2")+" ingress no-rule"] < 9 || sums[n.nic("web", "h1")+" egress spoofed"] < 7:
			wrong = fmt.Errorf("totals are %v", sums)
		default:
			return nil
		}
	}
	return wrong
}
