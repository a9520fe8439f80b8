package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/internal/matrix"
	"github.com/ringfence/ringfence/internal/traffic"
	"github.com/ringfence/ringfence/unixctl"
)

// floodLimit is how many connections a NIC may have where the guard is tried.
const floodLimit = 1000

// testFlood: one VM opens connections as fast as it can; its NIC's share of the
// connection table is all that it fills, and connections of other VMs on the
// same hosts do not lose a packet.
func testFlood(t *testing.T, dc *datacentre) {
	n := dc.newTenant(t)
	n.play("eve", "victim", "client", "server")
	for _, role := range n.roles {
		n.group(role)
		n.join(role, role)
	}
	n.rule("victim", "in", "ingress all from any")
	n.rule("server", "in", "ingress all from client")
	var streams []*traffic.Stream
	pairs := [][2]string{{"client@h1", "server@h1"}, {"client@h1", "server@h2"}, {"client@h2", "server@h1"}}
	for _, p := range pairs {
		streams = append(streams, openStream(t, n.party(p[0]), n.party(p[1]), "tcp", 4, 7000, traffic.StreamSpec{}))
	}
	eve := n.party("eve@h1")
	from := newSender(t, eve.Node)
	sent := 0
	for _, victim := range []string{"victim@h1", "victim@h2"} {
		w := newWire(eve, n.party(victim), n.vlan)
		for range 2 * floodLimit {
			s := &layers.TCP{SrcPort: layers.TCPPort(1024 + rand.IntN(60000)), DstPort: layers.TCPPort(1 + rand.IntN(60000)), Seq: rand.Uint32(), SYN: true, Window: 1000}
			from.send(t, w.in4(w.ip4(layers.IPProtocolTCP), s))
			if sent++; sent%20 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
	}
	end := time.Now()
	for i, p := range pairs {
		for name, way := range map[string]*traffic.Way{"to the server": &streams[i].ToServer, "to the client": &streams[i].ToClient} {
			eventually(t, 3*time.Second, func() error { // TCP may have to send again: the flood fills devices' buffers, too
				if lost := way.Lost(end); len(lost) > 0 || way.Last().Before(end) {
					return fmt.Errorf("%s > %s %s: messages %v did not arrive, the last did at %s, %s after the flood", p[0], p[1], name, lost, way.Last(), time.Since(end))
				}
				return nil
			})
		}
	}
	for _, host := range hosts {
		counts := n.connectionCounts(host)
		if most := slices.Max(counts); most > floodLimit {
			t.Errorf("%s: a NIC has %d connections, more than %d", host, most, floodLimit)
		} else if host == "h1" && most < floodLimit/2 {
			t.Errorf("%s: the flood made %d connections only", host, most)
		}
	}
	// New connections of others are made as ever.
	others := slices.DeleteFunc(slices.Clone(n.parties), func(p *matrix.Party) bool { return p.Role == "eve" || p.Role == "victim" })
	expectMatrix(t, others, nil, "tcp/80", "client -> server: tcp/80")
}

// connectionCounts are the connections of each zone of a host that has a limit.
func (n *tenant) connectionCounts(host string) []int {
	n.t.Helper()
	text, err := n.dc.lab.Host(host).Appctl(n.t.Context(), "dpctl/ct-get-limits")
	if err != nil {
		n.t.Fatal(err)
	}
	limits, err := unixctl.ParseLimits(text)
	if err != nil {
		n.t.Fatal(fmt.Errorf("%s: %w", text, err))
	}
	var counts []int
	for _, z := range limits.Zones {
		if z.Limit != floodLimit {
			n.t.Errorf("%s: zone %d has the limit %d", host, z.Zone, z.Limit)
		}
		counts = append(counts, int(z.Count))
	}
	return counts
}
