package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/ofrules"
)

// trace asks ovs-vswitchd what would become of the first packet of a TCP
// connection.
func trace(state string, from, to *vm, port int) (string, error) {
	run := filepath.Join(state, "ovs", "run")
	ctls, err := filepath.Glob(filepath.Join(run, "ovs-vswitchd.*.ctl"))
	if err != nil || len(ctls) != 1 {
		return "", fmt.Errorf("control sockets of ovs-vswitchd in %s: %v %w", run, ctls, err)
	}
	ofport, err := output("ovs-vsctl", "--db="+dbAddr(state), "get", "Interface", from.name, "ofport")
	if err != nil {
		return "", err
	}
	flow := fmt.Sprintf("in_port=%s,tcp,dl_src=%s,dl_dst=%s,nw_src=%s,nw_dst=%s,nw_ttl=64,tp_src=40000,tp_dst=%d,tcp_flags=syn",
		ofport, from.mac, to.mac, from.address, to.address, port)
	out, err := output("ovs-appctl", "--target="+ctls[0], "ofproto/trace", "--names", "br-int", flow)
	return steps(out), err
}

// steps keeps the tables that the packet goes through, by name, and the end of
// it. ofproto/trace shows each action too, and the flow after each of the
// passes that connection tracking makes of one packet.
func steps(text string) string {
	names := ofrules.TableNames()
	var out []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		number, what, found := strings.Cut(strings.TrimSpace(line), ". ")
		table, err := strconv.ParseUint(number, 10, 8)
		switch {
		case found && err == nil:
			what, _, _ = strings.Cut(what, ", cookie ")
			out = append(out, fmt.Sprintf("%3d %-16s %s", table, names[uint8(table)], what))
		case strings.HasPrefix(line, "Datapath actions: drop"):
			out = append(out, "    => drop")
		}
	}
	return strings.Join(out, "\n")
}

// output runs a program and returns what it says.
func output(program string, args ...string) (string, error) {
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %v: %w: %s", program, args, err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
