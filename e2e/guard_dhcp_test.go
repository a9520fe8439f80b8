package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/lab"
)

// testDHCP: a VM that has nothing but its account's default group, of which
// even that may send to nobody else, gets its lease from a real server.
func testDHCP(t *testing.T, dc *datacentre) {
	n := dc.newTenant(t)
	n.patch("default", "egress_policy", "listed")
	server := n.machineOutside("dhcp", 2)
	n.roles = append(n.roles, "vm")
	var leases []string
	for _, host := range hosts {
		spec := n.nicSpec("vm", host)
		n.must(n.api.PutInstance(t.Context(), n.account, n.instance("vm", host), client.InstanceSpec{Name: "vm"}))
		n.must(n.api.PutNIC(t.Context(), n.nic("vm", host), spec))
		n.machineOf("vm", host, lab.NodeSpec{MAC: spec.MAC})
		leases = append(leases, spec.MAC+","+spec.Addresses[0])
	}
	n.plug("vm")
	dir := t.TempDir()
	serveDHCP(t, server.Node, dir, leases)
	for _, host := range hosts {
		want := n.nicSpec("vm", host).Addresses[0]
		got, err := leaseOf(t.Context(), n.party("vm@"+host).Node, dir)
		if err != nil {
			t.Fatalf("vm@%s: %v", host, err)
		}
		if got != want {
			t.Errorf("vm@%s: leased %q, expected %s", host, got, want)
		}
	}
}

// serveDHCP runs dnsmasq on a node until the test ends.
func serveDHCP(t *testing.T, n *lab.Node, dir string, leases []string) {
	t.Helper()
	args := []string{
		"--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root", "--interface=" + lab.Device, "--bind-interfaces",
		"--dhcp-range=10.0.0.0,static,255.255.255.0,1h", "--dhcp-leasefile=" + filepath.Join(dir, "leases"), "--log-facility=-", "--pid-file=",
	}
	for _, l := range leases {
		args = append(args, "--dhcp-host="+l)
	}
	cmd := exec.Command("dnsmasq", args...)
	var log strings.Builder
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := n.NS.Do(cmd.Start); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
		if t.Failed() {
			t.Log(log.String())
		}
	})
}

// leaseOf runs udhcpc on a node and returns the address that it got.
func leaseOf(ctx context.Context, n *lab.Node, dir string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	script, lease := filepath.Join(dir, "script"), filepath.Join(dir, "lease")
	text := "#!/bin/sh\n[ \"$1\" != bound ] || echo \"$ip\" > " + lease + "\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "busybox", "udhcpc", "-i", lab.Device, "-f", "-q", "-n", "-t", "10", "-T", "1", "-s", script)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := n.NS.Do(cmd.Run); err != nil {
		return "", fmt.Errorf("udhcpc: %w\n%s", err, out.String())
	}
	got, err := os.ReadFile(lease)
	return strings.TrimSpace(string(got)), err
}

// testBaseline: the operator's addresses are open to every NIC, and nothing
// more.
func testBaseline(t *testing.T, dc *datacentre) {
	n := dc.newTenant(t)
	n.play("vm")
	meta := outsideParty(t, dc.lab, n.vlan, "meta", "169.254.169.254/32", "fd00:ec2::254/128")
	n.parties = append(n.parties, meta)
	n.outside("out", 200)
	for party, routes := range map[string][]string{
		"vm@h1": {"169.254.169.254/32", "fd00:ec2::254/128"}, "vm@h2": {"169.254.169.254/32", "fd00:ec2::254/128"},
		"meta": {"10.0.0.0/24", "fd00::/64"},
	} {
		if err := n.party(party).Node.NS.IP("route add "+routes[0]+" dev "+lab.Device, "route add "+routes[1]+" dev "+lab.Device); err != nil {
			t.Fatal(err)
		}
	}
	n.group("closed", egressPolicyListed)
	n.join("closed", "vm")
	const services = "tcp/80 tcp/8080 udp/53 icmp"
	ask := func(want string) {
		t.Helper()
		// The machines outside do not route to each other.
		for _, out := range []string{"meta", "out"} {
			parties := n.parties[:2:2]
			expectMatrix(t, append(parties, n.party(out)), nil, services, strings.ReplaceAll(want, "OUT", out))
			want = ""
		}
	}
	ask("")
	n.must(n.api.PutBaseline(t.Context(), client.Baseline{Addresses: []client.BaselineAddress{
		{Address: "169.254.169.254", Protocol: "tcp", Port: 80}, {Address: "fd00:ec2::254", Protocol: "udp", Port: 53},
	}}, client.Wait(longest)))
	ask("vm -> OUT: tcp4/80 udp6/53")
	n.must(n.api.PutBaseline(t.Context(), client.Baseline{Addresses: []client.BaselineAddress{}}, client.Wait(longest)))
	ask("")
}

func egressPolicyListed(g *client.GroupSpec) { g.EgressPolicy = "listed" }
