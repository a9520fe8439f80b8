package ovstest

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestDummyDatapathTraces(t *testing.T) {
	t.Parallel()
	v := Start(t, Options{})
	v.AddBridge("br-int")
	v.AddPort("br-int", "p1", 1, "nic-1")
	v.AddPort("br-int", "p2", 7, "")
	v.Ofctl("add-flow", "br-int", "in_port=1,actions=output:7")

	if out := v.Trace("br-int", "in_port=1,ip,nw_src=10.0.0.1,nw_dst=10.0.0.2"); !strings.Contains(out, "output:7") {
		t.Errorf("trace:\n%s", out)
	}
	if got := v.Vsctl("get", "interface", "p1", "external_ids:iface-id"); strings.TrimSpace(got) != "nic-1" {
		t.Errorf("iface-id %q", got)
	}
	if _, err := os.Stat(v.MgmtSock("br-int")); err != nil {
		t.Error(err)
	}
}

func TestRestartLosesFlowsAndKeepsPorts(t *testing.T) {
	t.Parallel()
	v := Start(t, Options{})
	v.AddBridge("br-int")
	v.AddPort("br-int", "p1", 3, "nic-1")
	for name, restart := range map[string]func(){
		"in order": v.RestartVswitchd,
		"killed":   func() { v.KillVswitchd(); v.StartVswitchd() },
	} {
		v.Ofctl("add-flow", "br-int", "actions=drop")
		before := v.Ctl()
		restart()
		if v.Ctl() == before || v.Ctl() == "" {
			t.Errorf("%s: control socket %q, was %q", name, v.Ctl(), before)
		}
		v.Vsctl("set", "bridge", "br-int", "other_config:seen="+strings.ReplaceAll(name, " ", "-")) // waits for the switch
		if got := v.Ofctl("dump-flows", "br-int"); strings.Contains(got, "actions") {
			t.Errorf("%s: flows survived:\n%s", name, got)
		}
		if got := strings.TrimSpace(v.Vsctl("get", "interface", "p1", "ofport")); got != "3" {
			t.Errorf("%s: ofport %s", name, got)
		}
	}
	v.KillOVSDB()
	v.StartOVSDB()
	if got := strings.TrimSpace(v.Vsctl("list-ports", "br-int")); got != "p1" {
		t.Errorf("ports %q after ovsdb-server was killed", got)
	}
}

func TestNetdevDatapathInNamespace(t *testing.T) {
	t.Parallel()
	ns := fmt.Sprintf("ovstest-%d", os.Getpid())
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v: %s", args, err, out)
		}
	}
	ip("netns", "add", ns)
	t.Cleanup(func() { ip("netns", "delete", ns) })
	ip("-n", ns, "link", "add", "v0", "type", "veth", "peer", "name", "v1")
	v := Start(t, Options{Datapath: "netdev", Netns: "/run/netns/" + ns})
	v.AddBridge("br-int")
	v.AddPort("br-int", "v0", 4, "nic-1")
	ip("-n", ns, "link", "show", "br-int") // the bridge's tap is in that namespace
}
