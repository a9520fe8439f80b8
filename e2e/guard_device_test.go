package e2e

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket/layers"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/lab"
)

// testTapMadeAnew: a tap that is deleted and made anew under its name is a port
// of the bridge as before, but the userspace datapath hears nothing of the VM. Its
// host says so, until the port is taken off the bridge and added again.
func testTapMadeAnew(t *testing.T, dc *datacentre) {
	if lab.Datapath() == lab.KernelDatapath {
		t.Skip("the kernel's datapath takes the new device in")
	}
	n := dc.newTenant(t)
	n.play("vm", "peer")
	n.group("all")
	n.rule("all", "in", "ingress all from any")
	n.join("all", "vm", "peer")
	const pass = "peer -> vm: tcp/80\nvm -> peer: tcp/80\nvm -> vm: tcp/80\npeer -> peer: tcp/80"
	n.expectOf("tcp/80", pass)

	vm := n.vms["vm@h1"]
	if err := vm.Renew(); err != nil {
		t.Fatal(err)
	}
	shown := func(ready bool, says string) {
		t.Helper()
		eventually(t, longest, func() error {
			h, err := n.api.Host(t.Context(), "h1")
			if err != nil {
				return err
			}
			i := slices.IndexFunc(h.NICs, func(c client.HostNIC) bool { return c.ID == vm.NIC })
			if i < 0 || h.NICs[i].Ready != ready || !strings.Contains(h.NICs[i].Error, says) || says == "" && h.NICs[i].Error != "" {
				return fmt.Errorf("NIC %s: %+v", vm.NIC, h.NICs)
			}
			return nil
		})
	}
	shown(false, "was made anew, and ovs-vswitchd does not read it")
	if connects(t, n.party("vm@h1"), n.party("peer@h1"), mustServices(t, "tcp4/80")[0], time.Second) {
		t.Error("the VM is heard: its host has no reason to complain")
	}
	// In one transaction ovs-vswitchd keeps what it has open.
	if err := vm.Host.Replug(t.Context(), vm); err != nil {
		t.Fatal(err)
	}
	shown(false, "was made anew, and ovs-vswitchd does not read it")
	if err := errors.Join(vm.Host.Unplug(t.Context(), vm), vm.Host.Plug(t.Context(), vm)); err != nil {
		t.Fatal(err)
	}
	shown(true, "")
	forgetNeighbours(t, n.party("vm@h1"))
	n.expectOf("tcp/80", pass)
}

// testOwnLinkLocal: a guest may make its link-local address otherwise than of its
// MAC (RFC 7217). With it among the NIC's addresses, also where the network has
// prefixes, router solicitation and DHCPv6 work from there; without they are
// dropped, whatever group of addresses that is, and the NIC says so until they are
// among them.
func testOwnLinkLocal(t *testing.T, dc *datacentre) {
	n := dc.newTenant(t)
	n.play("vm")
	out := n.machineOutside("out", 200)
	own, other := ip("fe80::7217:1:2:3"), ip("fe80::7217:1:2:4")
	spec := n.nicSpec("vm", "h1")
	spec.Addresses = append(spec.Addresses, own.String())
	n.putNIC("vm", "h1", spec)
	n.group("listed", egressPolicyListed)
	n.join("listed", "vm")
	var hails []hail
	for _, c := range []struct {
		vm    string
		from  net.IP
		heard bool
	}{{"vm@h1", own, true}, {"vm@h1", other, false}, {"vm@h2", own, false}} {
		w := newWire(n.party(c.vm), out, n.vlan)
		w.src6 = c.from
		say := func(what string, frame []byte) {
			hails = append(hails, hail{fmt.Sprintf("%s from %s", what, c.from), n.party(c.vm), out, [][]byte{frame}, c.heard})
		}
		say("a router solicitation", w.toGroup(ip("ff02::2")).markedICMP6(255, 133, slices.Concat(make([]byte, 4), w.nonce())))
		w = newWire(n.party(c.vm), out, n.vlan)
		w.src6 = c.from
		w = w.toGroup(ip("ff02::1:2"))
		say("DHCPv6", w.in6(w.ip6(layers.IPProtocolUDP), udp(546, 547), w.payload()))
	}
	n.expectHailsOf(t, hails, func(hail) bool { return false }) // all machines of the network may hear a group's
	warned := func(host string, want bool) {
		t.Helper()
		eventually(t, longest, func() error {
			nic, err := n.api.NIC(t.Context(), n.account, n.nic("vm", host))
			if err == nil && want != slices.ContainsFunc(nic.Warnings, func(w client.NICWarning) bool { return w.Code == "link-local-dropped" }) {
				err = fmt.Errorf("warnings of vm@%s: %v", host, nic.Warnings)
			}
			return err
		})
	}
	warned("h1", true)
	warned("h2", true)
	spec.Addresses = append(spec.Addresses, other.String())
	n.putNIC("vm", "h1", spec)
	warned("h1", false)
	warned("h2", true)
}
