package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/ringfence/ringfence/client"
)

const (
	apiURL  = "http://127.0.0.1:8080"
	account = "acme"
	network = "net-1"
	port    = 5432
)

// demo is what the story works with.
type demo struct {
	ctx       context.Context
	ringfence string
	state     string
	api       *client.Client
	vms       []*vm
}

// inside tells the story.
func inside(ctx context.Context, dir, ringfence string) error {
	if err := isolate(); err != nil {
		return err
	}
	d := &demo{ctx: ctx, ringfence: ringfence, state: filepath.Join(dir, "state")}
	stop, err := d.startDev(filepath.Join(dir, "dev.log"))
	if err != nil {
		return err
	}
	defer stop()
	for _, step := range []func() error{d.machines, d.before, d.after, d.denied} {
		if err := step(); err != nil {
			return errors.Join(err, ctx.Err())
		}
	}
	title("Done: everything is taken down again")
	return nil
}

// startDev starts "ringfence dev" and waits until it is ready.
func (d *demo) startDev(logFile string) (stop func(), err error) {
	title("One process: etcd, API, controller and a private Open vSwitch")
	log, err := os.Create(logFile)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(d.ringfence, "dev", "--state-dir", d.state, "--host", "demo")
	cmd.Stdout, cmd.Stderr = log, log
	fmt.Printf("$ ringfence dev --state-dir %s --host demo &\n", d.state)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	stop = func() {
		_ = cmd.Process.Signal(os.Interrupt) // already gone is fine
		select {
		case err := <-ended:
			if err != nil {
				fmt.Fprintln(os.Stderr, "ringfence dev:", err)
			}
		case <-time.After(10 * time.Second): // the kernel ends it with us
		}
		log.Close()
	}
	if err := d.connect(ended); err != nil {
		stop()
		said, _ := os.ReadFile(logFile)
		return nil, fmt.Errorf("ringfence dev: %w\n%s", err, said)
	}
	return stop, nil
}

// connect waits until a host has reported: then all parts are there.
func (d *demo) connect(ended chan error) error {
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) && d.ctx.Err() == nil {
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("ended: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
		token, err := os.ReadFile(filepath.Join(d.state, "admin.token"))
		if err != nil {
			continue // not made yet
		}
		if d.api, err = client.New(apiURL, strings.TrimSpace(string(token))); err != nil {
			return err
		}
		if hosts, err := client.Collect(d.api.Hosts(d.ctx)); err == nil && len(hosts) > 0 {
			return nil
		}
	}
	return errors.New("no host reported within 30 s")
}

// machines makes the network, the VMs and the groups.
func (d *demo) machines() error {
	title("Three VMs, two groups")
	if err := d.cli("account", "put", account); err != nil {
		return err
	}
	if err := d.cli("network", "put", network, "--prefix", "10.0.0.0/24"); err != nil {
		return err
	}
	for _, group := range []string{"web", "db"} {
		if err := d.cli("group", "create", group); err != nil {
			return err
		}
	}
	for i, spec := range []struct{ name, group string }{{"web-1", "web"}, {"web-2", "web"}, {"db-1", "db"}} {
		v := &vm{name: spec.name, mac: fmt.Sprintf("02:00:00:00:00:%02x", 11+i), address: fmt.Sprintf("10.0.0.%d", 11+i)}
		if err := d.cli("nic", "put", v.name, "--network", network, "--mac", v.mac, "--address", v.address); err != nil {
			return err
		}
		if err := d.cli("attach", spec.group, "--nic", v.name); err != nil {
			return err
		}
		if err := v.start(d.state); err != nil {
			return err
		}
		if err := v.listen(port); err != nil {
			return err
		}
		d.vms = append(d.vms, v)
	}
	if err := d.ready(); err != nil {
		return err
	}
	return d.cli("nic", "list")
}

// ready waits until every NIC's policy is in force.
func (d *demo) ready() error {
	deadline := time.Now().Add(20 * time.Second)
	for _, v := range d.vms {
		for {
			n, err := d.api.NIC(d.ctx, account, v.name)
			if err == nil && n.Ready {
				break
			}
			if time.Now().After(deadline) || d.ctx.Err() != nil {
				return errors.Join(fmt.Errorf("NIC %s did not become ready within 20 s", v.name), err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	return nil
}

func (d *demo) before() error {
	title("A group's members reach each other, nobody else reaches them")
	return d.printMatrix()
}

func (d *demo) after() error {
	title("One rule: the database's port, from the members of web")
	if err := d.cli("rule", "add", "db", "--proto", "tcp", "--port", fmt.Sprint(port), "--from-group", "web", "--wait", "10s"); err != nil {
		return err
	}
	fmt.Println()
	return d.printMatrix()
}

// denied shows why web-1 does not get to port 22 of db-1.
func (d *demo) denied() error {
	title("Why web-1 does not reach port 22 of db-1: ovs-appctl ofproto/trace")
	out, err := trace(d.state, d.vms[0], d.vms[2], 22)
	if err != nil {
		return err
	}
	fmt.Println(out)
	return nil
}

// cli runs a ringfence command and shows it.
func (d *demo) cli(args ...string) error {
	fmt.Printf("$ ringfence %s\n", strings.Join(args, " "))
	cmd := exec.CommandContext(d.ctx, d.ringfence, args...)
	cmd.Env = append(os.Environ(),
		"RINGFENCE_SERVER="+apiURL, "RINGFENCE_ACCOUNT="+account, "RINGFENCE_TOKEN_FILE="+filepath.Join(d.state, "admin.token"))
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("ringfence %s: %w", args[0], err)
	}
	return nil
}

// title prints a heading.
func title(text string) {
	fmt.Printf("\n%s\n%s\n\n", text, strings.Repeat("-", len(text)))
}
