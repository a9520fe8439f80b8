package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/lab"
	"github.com/ringfence/ringfence/internal/matrix"
	"github.com/ringfence/ringfence/internal/traffic"
)

// TestNewestPlug: "Without hosts the newest plug wins, and both hosts show the
// conflict". A VM is plugged at a second host: it is served there, also from the
// first one, whose port has nothing; and at the first one again when the second
// port is gone.
func TestNewestPlug(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := dc.newTenant(t)
	n.play("peer")
	n.define("vm", "h1")
	n.plug("vm")
	n.groups("peer", "vm")
	n.join("peer", "peer")
	n.join("vm", "vm@h1")
	n.rule("vm", "in", "ingress all from peer")
	n.rule("peer", "in", "ingress all from vm")
	all := "peer -> vm: " + usual + "\nvm -> peer: " + usual
	n.expect(all)

	theirs := func(p *traffic.Packet) bool { return !p.Out && strings.HasPrefix(p.SrcMAC, n.macs) }
	shown := func(what, host string, conflict bool) {
		t.Helper()
		eventually(t, longest, func() error {
			nic, err := n.api.NIC(t.Context(), n.account, n.nic("vm", "h1"))
			if err == nil && !(nic.Host == host && nic.Ready && (nic.Conflict != nil) == conflict) {
				err = fmt.Errorf("%s: %+v, conflict %+v", what, nic, nic.Conflict)
			}
			return err
		})
		hosts, err := client.Collect(n.api.Hosts(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hosts {
			for _, p := range h.NICs {
				if p.ID == n.nic("vm", "h1") && ((p.Conflict != "") != conflict || p.Ready != (h.ID == host)) {
					t.Errorf("%s: %s says %+v", what, h.ID, p)
				}
			}
		}
	}
	source := n.party("vm@h1")
	spec := n.nicSpec("vm", "h1")
	there, err := dc.lab.Host("h2").VM(n.nic("vm", "h1"), lab.NodeSpec{Name: n.account + "/moved", MAC: spec.MAC, Addresses: source.Node.Addresses})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.vms["moved"] = there })
	if err := dc.lab.Host("h2").Plug(t.Context(), there); err != nil {
		t.Fatal(err)
	}
	moved := newParty(t, "vm", "h2", there.Node)
	shown("plugged at h2 since later", "h2", true)
	var parties []*matrix.Party
	for _, p := range n.parties {
		if p != source {
			parties = append(parties, p)
		}
	}
	n.found(t, moved, source, n.party("peer@h1"), n.party("peer@h2"))
	begin := time.Now()
	expectMatrix(t, append(parties, moved), nil, usual, all)
	if seen := source.Capture.Find(begin, theirs); len(seen) > 0 {
		t.Errorf("the port that the VM left saw %s", seen[0].String())
	}
	if err := dc.lab.Host("h2").Unplug(t.Context(), there); err != nil {
		t.Fatal(err)
	}
	shown("unplugged at h2", "h1", false)
	n.rule("peer", "more", "ingress udp 9 from vm") // when that is applied h2's cached megaflows are gone, too
	n.found(t, source, nil, n.party("peer@h1"), n.party("peer@h2"))
	n.expect(all)
}
