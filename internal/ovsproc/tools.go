package ovsproc

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// Run runs a program with Env and returns its standard output. An error
// holds the command and what it wrote to standard error.
func (p *Proc) Run(ctx context.Context, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = p.Env()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w: %s", program, strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}

// Vsctl runs ovs-vsctl(8) on our database.
func (p *Proc) Vsctl(ctx context.Context, args ...string) (string, error) {
	return p.Run(ctx, "ovs-vsctl", append(vsctlFlags(p.DBAddr()), args...)...)
}

// vsctlFlags have ovs-vsctl(8) work on a database, and not wait for ever.
func vsctlFlags(db string) []string { return []string{"--timeout=20", "--db=" + db} }

// Ofctl runs ovs-ofctl(8) with OpenFlow 1.5; bridges are named as usual.
func (p *Proc) Ofctl(ctx context.Context, args ...string) (string, error) {
	return p.Run(ctx, "ovs-ofctl", append([]string{"--protocols=OpenFlow15", "--timeout=60"}, args...)...)
}

// Appctl runs ovs-appctl(8) on our ovs-vswitchd.
func (p *Proc) Appctl(ctx context.Context, args ...string) (string, error) {
	return p.Run(ctx, "ovs-appctl", append([]string{"--timeout=60"}, args...)...)
}
