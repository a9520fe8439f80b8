package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/term"
)

// printMatrix tries every pair of VMs, over TCP and with a ping.
func (d *demo) printMatrix() error {
	const width = 26
	fmt.Printf("%-12s", "")
	for _, to := range d.vms {
		fmt.Printf("%-*s", width, "to "+to.name)
	}
	fmt.Println()
	for _, from := range d.vms {
		fmt.Printf("%-12s", "from "+from.name)
		for _, to := range d.vms {
			if from == to {
				fmt.Printf("%-*s", width, "-")
				continue
			}
			tcp, ping := from.connects(to, port), from.pings(to)
			plain := fmt.Sprintf("tcp/%d %s, ping %s", port, yesNo(tcp), yesNo(ping))
			fmt.Print(paint(plain, tcp, ping), strings.Repeat(" ", max(1, width-len(plain))))
		}
		fmt.Println()
		if err := d.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// paint colours a cell on a terminal: green if all passes, yellow if a part
// does, red if nothing.
func paint(text string, tcp, ping bool) string {
	if !term.IsTerminal(int(os.Stdout.Fd())) || os.Getenv("NO_COLOR") != "" {
		return text
	}
	colour := "31"
	switch {
	case tcp && ping:
		colour = "32"
	case tcp || ping:
		colour = "33"
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

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
	flow := fmt.Sprintf("in_port=%s,tcp,dl_src=%s,dl_dst=%s,nw_src=%s,nw_dst=%s,nw_ttl=64,tp_src=40000,tp_dst=%d",
		ofport, from.mac, to.mac, from.address, to.address, port)
	out, err := output("ovs-appctl", "--target="+ctls[0], "ofproto/trace", "--names", "br-int", flow)
	return steps(out), err
}

// steps keeps the tables that the packet goes through, what each does, and
// the end of it. ofproto/trace says more between them.
func steps(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		trimmed := strings.TrimSpace(line)
		number, _, _ := strings.Cut(trimmed, ".")
		_, err := strconv.Atoi(number)
		switch {
		case err == nil, strings.HasPrefix(line, "    ") && !strings.HasPrefix(trimmed, "->"), strings.HasPrefix(line, "Datapath actions: drop"):
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

func output(program string, args ...string) (string, error) {
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %v: %w: %s", program, args, err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
