package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/lab"
)

// TestPacketLimit: a NIC sends no more packets than --nic-packets lets it, whatever
// they are, while another of its host connects as ever. Where the datapath cannot
// police, the host says so, and nothing is written to its database.
func TestPacketLimit(t *testing.T) {
	t.Parallel()
	const most, burst = 1000, 1000 // packets a second, and at once
	n := newDatacentre(t, fmt.Sprint("--nic-packets=", most), fmt.Sprint("--nic-packet-burst=", burst)).newTenant(t)
	n.play("eve", "victim", "client", "server")
	for _, role := range n.roles {
		n.group(role)
		n.join(role, role)
	}
	n.rule("server", "in", "ingress tcp 80 from client")
	says := func(part string) func() error {
		return func() error {
			hosts, err := client.Collect(n.api.Hosts(t.Context()))
			if err != nil {
				return err
			}
			for _, h := range hosts {
				if slices.ContainsFunc(h.Errors, func(e string) bool { return strings.Contains(e, "packet limit") }) != (part != "") ||
					!strings.Contains(strings.Join(h.Errors, "\n"), part) {
					return fmt.Errorf("host %s says %q, expected %q of the limit", h.ID, h.Errors, part)
				}
			}
			return nil
		}
	}
	if lab.Datapath() != lab.KernelDatapath {
		eventually(t, longest, says("the netdev datapath does not police packets"))
		if out := n.policed("h1"); strings.Contains(out, "ringfence-packets") {
			t.Errorf("what cannot be policed is written all the same: %s", out)
		}
		return
	}
	eventually(t, longest, func() error {
		if out := n.policed("h1"); strings.Count(out, "ringfence-packets") != 4 {
			return fmt.Errorf("not all four NICs are policed: %s", out)
		}
		return says("")()
	})
	w := newWire(n.party("eve@h1"), n.party("victim@h1"), n.vlan)
	from, to := n.party("client@h1"), n.party("server@h1")
	dial := dialler(t, from, to)
	dial()
	before, begin := n.missed("h1"), time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	sent := make(chan int, 1)
	next := uint16(0x0900)
	go func() {
		sent <- n.fire(ctx, "eve@h1", func() []byte { // an EtherType each: each is an upcall
			next++
			return w.ethertype(next)
		})
	}()
	var took []time.Duration
	for ctx.Err() == nil {
		took = append(took, dial())
	}
	frames := <-sent
	passed := n.missed("h1") - before
	if allowed := burst + int(time.Since(begin).Seconds()+1)*most; frames < 5*allowed/4 {
		t.Fatalf("only %d frames were sent: the machine is too slow to show anything with %d allowed", frames, allowed)
	} else if passed > allowed+len(took)*20 {
		t.Errorf("%d of %d frames came to the slow path, %d are allowed", passed, frames, allowed)
	}
	t.Logf("%d frames sent, %d packets had no megaflow; connections of others %s", frames, passed, spread(took))
}

// policed is what the database of a host says of policing its interfaces.
func (n *tenant) policed(host string) string {
	n.t.Helper()
	out, err := n.dc.lab.Host(host).Vsctl(n.t.Context(), "--columns=name,external_ids,ingress_policing_kpkts_rate", "list", "Interface")
	if err != nil {
		n.t.Fatal(err)
	}
	return out
}

// missed is how many packets had no megaflow in a host's datapath.
func (n *tenant) missed(host string) (missed int) {
	n.t.Helper()
	text, err := n.dc.lab.Host(host).Appctl(n.t.Context(), "dpctl/show")
	if err != nil {
		n.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(text, "missed:")
	if _, err := fmt.Sscan(rest, &missed); err != nil {
		n.t.Fatalf("dpctl/show: %v in %s", err, text)
	}
	return missed
}
