package ovsproc

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/ringfence/ringfence/unixctl"
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
	return p.Run(ctx, "ovs-vsctl", append([]string{"--timeout=20", "--db=" + p.DBAddr()}, args...)...)
}

// Get is what a column of the row of that name holds, or a key of it
// ("external_ids:iface-id"), as "ovs-vsctl --if-exists get" tells it, without a process for it: a
// string, or JSON.
func (p *Proc) Get(ctx context.Context, table, name, column string) (string, error) {
	column, key, keyed := strings.Cut(column, ":")
	found, err := transact(ctx, p.DBSock(), read(table, name, column))
	if err != nil || len(found[0].Rows) == 0 {
		return "", err
	}
	value := found[0].Rows[0][column]
	if !keyed {
		return text(value), nil
	}
	var pairs [][2]string
	if err := json.Unmarshal(value, &[]any{nil, &pairs}); err != nil {
		return "", fmt.Errorf("ovsproc: column %s is no map: %w", column, err)
	}
	for _, pair := range pairs {
		if pair[0] == key {
			return pair[1], nil
		}
	}
	return "", nil
}

// Ofctl runs ovs-ofctl(8) with OpenFlow 1.5; bridges are named as usual.
func (p *Proc) Ofctl(ctx context.Context, args ...string) (string, error) {
	return p.Run(ctx, "ovs-ofctl", append([]string{"--protocols=OpenFlow15", "--timeout=60"}, args...)...)
}

// commandsWithin is how long after its start ovs-vswitchd may not know all of its
// commands: those about bridges come with its first configuration.
const commandsWithin = 5 * time.Second

// Appctl has our ovs-vswitchd carry out a command of ovs-appctl(8), without a
// process for it, and returns what it says.
func (p *Proc) Appctl(ctx context.Context, command ...string) (string, error) {
	c := unixctl.Open(p.RunDir())
	defer c.Close()
	said, err := c.Call(ctx, command[0], command[1:]...)
	for end := time.Now().Add(commandsWithin); err != nil && strings.Contains(err.Error(), "is not a valid command") && time.Now().Before(end); {
		time.Sleep(3 * time.Millisecond)
		said, err = c.Call(ctx, command[0], command[1:]...)
	}
	return said, err
}
