package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
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
// connection table is all that it fills. Connections of other VMs on the same
// hosts lose nothing, and new ones are made as ever. How long their messages
// take before and meanwhile is logged.
func testFlood(t *testing.T, dc *datacentre) {
	n := dc.newTenant(t)
	n.play("eve", "victim", "client", "server")
	out := n.machineOutside("out", 200)
	for _, role := range n.roles {
		n.group(role)
		n.join(role, role)
	}
	n.rule("victim", "in", "ingress all from any")
	n.rule("server", "in", "ingress all from client")
	pairs := [][2]string{{"client@h1", "server@h1"}, {"client@h1", "server@h2"}, {"client@h2", "server@h1"}}
	var streams []*traffic.Stream
	begin := time.Now()
	for _, p := range pairs {
		streams = append(streams, openStream(t, n.party(p[0]), n.party(p[1]), "tcp", 4, 7000, traffic.StreamSpec{}))
	}
	time.Sleep(2 * time.Second) // what is measured before

	flooded := time.Now()
	sent := 0
	var flood sync.WaitGroup
	flood.Go(func() {
		for _, eve := range []string{"eve@h1", "eve@h2"} {
			sent += n.flood(eve, "victim@h1", 5*floodLimit)
		}
	})
	made := n.connectUntil(&flood, pairs)
	end := time.Now()
	rate := float64(sent) / end.Sub(flooded).Seconds()
	t.Logf("%d SYNs, %.0f a second; %d connections of others were made meanwhile", sent, rate, made)
	for i, p := range pairs {
		for _, way := range []struct {
			name string
			*traffic.Way
		}{{p[0] + " > " + p[1], &streams[i].ToServer}, {p[1] + " > " + p[0], &streams[i].ToClient}} {
			eventually(t, longest, func() error { // TCP may have to send again: the flood fills devices' buffers, too
				if lost := way.Lost(end); len(lost) > 0 || way.Last().Before(end) {
					return fmt.Errorf("%s: messages %v did not arrive, the last did at %s, %s after the flood", way.name, lost, way.Last(), time.Since(end))
				}
				return nil
			})
			t.Logf("%s: %s before, %s meanwhile; none lost", way.name, spread(way.Delays(begin, flooded)), spread(way.Delays(flooded, end)))
		}
	}

	// Both eves have filled their own shares: what they begin besides is not
	// remembered, so that no answer gets to them.
	for _, host := range hosts {
		eve := n.party("eve@" + host)
		for _, service := range mustServices(t, "tcp4/80 udp4/53") {
			if ok := connects(t, eve, out, service, 500*time.Millisecond); ok {
				t.Errorf("%s made one connection more than its NIC may have: %s", eve.Name(), service)
			}
		}
		counts := n.connectionCounts(host)
		if most := slices.Max(counts); most != floodLimit {
			t.Errorf("%s: the NIC with most connections has %d, expected %d", host, most, floodLimit)
		}
	}
	others := slices.DeleteFunc(slices.Clone(n.parties), func(p *matrix.Party) bool { return p.Role != "client" && p.Role != "server" })
	expectMatrix(t, others, nil, "tcp/80", "client -> server: tcp/80")
}

// flood sends so many SYNs to a machine, for an address that it does not have:
// it does not refuse the connections, which would end them.
func (n *tenant) flood(from, to string, count int) int {
	eve, victim := n.party(from), n.party(to)
	s := newSender(n.t, eve.Node)
	w := newWire(eve, victim, n.vlan)
	w.dst4 = ip("10.0.0.250")
	for sent := range count {
		syn := &layers.TCP{SrcPort: layers.TCPPort(1024 + sent), DstPort: layers.TCPPort(1 + rand.IntN(60000)), Seq: rand.Uint32(), SYN: true, Window: 1000}
		s.send(n.t, w.in4(w.ip4(layers.IPProtocolTCP), syn))
		if sent%20 == 19 {
			time.Sleep(time.Millisecond) // or the device's buffer loses them
		}
	}
	return count
}

// connectUntil makes one connection after the other between the pairs until
// something ends, and returns how many it made.
func (n *tenant) connectUntil(end *sync.WaitGroup, pairs [][2]string) (made int) {
	n.t.Helper()
	over := make(chan struct{})
	go func() {
		end.Wait()
		close(over)
	}()
	service := mustServices(n.t, "tcp4/80")[0]
	for {
		from, to := n.party(pairs[made%len(pairs)][0]), n.party(pairs[made%len(pairs)][1])
		if !connects(n.t, from, to, service, longest) {
			n.t.Errorf("%s could not connect to %s during the flood", from.Name(), to.Name())
		}
		made++
		select {
		case <-over:
			return made
		default:
		}
	}
}

// connects reports whether one machine gets an answer of another within a time.
func connects(t *testing.T, from, to *matrix.Party, service traffic.Service, within time.Duration) bool {
	t.Helper()
	if err := to.Server.Offer(service); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	answer, err := traffic.Ask(ctx, traffic.Question{
		Service: service, From: from.Node.NS, Src: from.Node.Address(service.Family), Dst: to.Node.Address(service.Family),
	})
	if err != nil {
		t.Error(err)
	}
	return answer.OK
}

// spread tells how delays are distributed.
func spread(delays []time.Duration) string {
	if len(delays) == 0 {
		return "nothing"
	}
	at := func(percent int) time.Duration {
		return delays[(len(delays)-1)*percent/100].Round(10 * time.Microsecond)
	}
	return fmt.Sprintf("p50 %s p99 %s max %s of %d", at(50), at(99), at(100), len(delays))
}

// ownZone is that of the connection by which a controller sees that its switch
// has not forgotten any.
const ownZone = 1<<16 - 1

// connectionCounts are the connections of each NIC's zone of a host, which has a
// limit.
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
		if z.Zone == ownZone && z.Limit == 1 && z.Count <= 1 {
			continue
		}
		if z.Limit != floodLimit {
			n.t.Errorf("%s: zone %d has the limit %d", host, z.Zone, z.Limit)
		}
		counts = append(counts, int(z.Count))
	}
	return counts
}
