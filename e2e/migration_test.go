package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/lab"
	"github.com/ringfence/ringfence/internal/matrix"
	"github.com/ringfence/ringfence/internal/traffic"
)

// TestHostsOfANIC: "hosts says where the NIC may be plugged (empty = anywhere; two
// during a migration, the preferred first); a claim elsewhere gets nothing and is
// shown as a conflict". A VM moves from host to host, and its old port stays
// behind: those beside either port reach it where it is.
func TestHostsOfANIC(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := dc.newTenant(t)
	n.awaitLevel()
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

	// What one of the tenant's VMs sent; the tap itself says something, too.
	theirs := func(p *traffic.Packet) bool { return !p.Out && strings.HasPrefix(p.SrcMAC, n.macs) }
	put := func(hosts ...string) {
		t.Helper()
		spec := n.nicSpec("vm", "h1")
		spec.Hosts = hosts
		n.change(func(opts ...client.CallOption) error {
			_, err := n.api.PutNIC(t.Context(), n.nic("vm", "h1"), spec, opts...)
			return err
		})
	}
	shown := func(what string, ok func(client.NIC) bool) {
		t.Helper()
		eventually(t, longest, func() error {
			nic, err := n.api.NIC(t.Context(), n.account, n.nic("vm", "h1"))
			if err == nil && !ok(nic) {
				err = fmt.Errorf("%s: %+v, conflict %+v", what, nic, nic.Conflict)
			}
			return err
		})
	}
	put("h1")
	n.expect(all)
	// It is to go to h2, and has not come there: it is served where it is.
	put("h2", "h1")
	shown("not gone yet", func(nic client.NIC) bool { return nic.Host == "h1" && nic.Ready && nic.Conflict == nil })
	n.expect(all)
	put("h1")

	// The same machine on the other host, with the port of the one that will be
	// left: before it may be there it has nothing, and is in nobody's way.
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
	shown("plugged where it may not be", func(nic client.NIC) bool {
		return nic.Host == "h1" && nic.Ready && nic.Conflict != nil && len(nic.Conflict.Hosts) == 2
	})
	begin := time.Now()
	n.expect(all)
	if seen := moved.Capture.Find(begin, theirs); len(seen) > 0 {
		t.Errorf("a port that may not have the NIC saw %s", seen[0].String())
	}

	// It may be at both, and runs at the first.
	put("h1", "h2")
	shown("at both", func(nic client.NIC) bool { return nic.Host == "h1" && nic.Conflict == nil })
	n.found(t, source, moved, n.party("peer@h1"), n.party("peer@h2")) // h2 has to hear that it is ready at h1
	begin = time.Now()
	n.expect(all)
	if seen := moved.Capture.Find(begin, theirs); len(seen) > 0 {
		t.Errorf("the port that the VM has not come to yet saw %s", seen[0].String())
	}

	before := newWire(n.party("peer@h1"), source, n.vlan) // a connection of before it moves
	seen := func(p *matrix.Party, since time.Time, w wire) bool {
		return len(p.Capture.Find(since, func(f *traffic.Packet) bool { return !f.Out && contains(f.Frame, [][]byte{w.mark}) })) > 0
	}
	begin = time.Now()
	newSender(t, n.party("peer@h1").Node).send(t, before.tcp(80, 0x02)...)
	eventually(t, longest, func() error {
		if !seen(source, begin, before) {
			return errors.New("no SYN arrives")
		}
		return nil
	})

	// It has moved; what it left behind is still plugged. A VM that has come says
	// so; here the fabric learns it from what is sent first.
	put("h2", "h1")
	shown("moved", func(nic client.NIC) bool { return nic.Host == "h2" && nic.Ready })
	var parties []*matrix.Party
	for _, p := range n.parties {
		if p != source {
			parties = append(parties, p)
		}
	}
	n.found(t, moved, source, n.party("peer@h1"), n.party("peer@h2"))
	begin = time.Now()
	expectMatrix(t, append(parties, moved), nil, usual, all)
	if seen := source.Capture.Find(begin, theirs); len(seen) > 0 {
		t.Errorf("the port that the VM left saw %s", seen[0].String())
	}

	// Its new host knows none of its connections, and TCP begins with a SYN: what goes on
	// in mid-stream is refused, whoever sends it and whatever the rules let begin.
	for _, way := range []struct {
		from, to *matrix.Party
		w        wire
	}{
		{n.party("peer@h1"), moved, before}, {n.party("peer@h2"), moved, newWire(n.party("peer@h2"), moved, n.vlan)},
		{moved, n.party("peer@h1"), newWire(moved, n.party("peer@h1"), n.vlan)}, {moved, n.party("peer@h2"), newWire(moved, n.party("peer@h2"), n.vlan)},
	} {
		begin, sends := time.Now(), newSender(t, way.from.Node)
		sends.send(t, append(way.w.tcp(80, 0x10), way.w.tcp(80, 0x18)...)...)
		anew := newWire(way.from, way.to, n.vlan)
		sends.send(t, anew.tcp(80, 0x02)...)
		eventually(t, longest, func() error {
			if !seen(way.to, begin, anew) {
				return errors.New("no SYN arrives")
			}
			return nil
		})
		if seen(way.to, begin, way.w) {
			t.Errorf("%s to %s: TCP goes on in mid-stream after a migration", way.from.Name(), way.to.Name())
		}
	}

	// It goes back before anybody says so, and runs where it is plugged.
	h2 := dc.lab.Host("h2")
	if err := h2.Unplug(t.Context(), there); err != nil {
		t.Fatal(err)
	}
	shown("gone back", func(nic client.NIC) bool { return nic.Host == "h1" && nic.Ready })
	n.found(t, source, nil, n.party("peer@h1"), n.party("peer@h2"))
	n.expect(all)
	if err := h2.Plug(t.Context(), there); err != nil {
		t.Fatal(err)
	}
	shown("moved again", func(nic client.NIC) bool { return nic.Host == "h2" && nic.Ready })
	n.found(t, moved, source, n.party("peer@h1"), n.party("peer@h2"))
	put("h2")
	shown("left behind", func(nic client.NIC) bool { return nic.Host == "h2" && nic.Ready && nic.Conflict != nil })
	begin = time.Now()
	expectMatrix(t, append(parties, moved), nil, usual, all)
	if seen := source.Capture.Find(begin, theirs); len(seen) > 0 {
		t.Errorf("the port that the VM left saw %s", seen[0].String())
	}
}
