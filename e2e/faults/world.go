package faults

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/lab"
)

// spareHost is a switch without a controller and VMs.
const spareHost = "spare"

// World is everything that runs: hosts and VMs, the control plane, streams.
type World struct {
	Lab   *lab.Lab
	Plane *Plane
	Sniff *Sniffer
	Book  *Book
	Flows []Flow

	senders *Senders

	mu      sync.Mutex
	vms     map[string]*vm
	excuses []excuse

	moves     []move
	storeAway []Window

	newcomers []newcomer
}

// vm is a running machine, with a device on each host it may be on.
type vm struct {
	machine
	*lab.Node
	on  map[string]*lab.VM // by host
	dev map[string]string
	at  string // the host where it is plugged
}

// NewWorld builds everything in a directory, and returns when all streams that
// are allowed flow. With relays hosts go through these.
func NewWorld(ctx context.Context, dir, binary string, relays *Relays) (*World, error) {
	w := &World{vms: map[string]*vm{}, senders: NewSenders()}
	if err := w.build(ctx, dir, binary, relays); err != nil {
		logs := ""
		if w.Plane != nil {
			logs = w.Plane.Logs()
		}
		return nil, errors.Join(err, errors.New(logs), w.Close())
	}
	return w, nil
}

func (w *World) build(ctx context.Context, dir, binary string, relays *Relays) (err error) {
	if w.Lab, err = lab.New(ctx, append(slices.Clone(hostNames), spareHost)...); err != nil {
		return err
	}
	ovsdb := map[string]string{}
	for _, h := range hostNames {
		ovsdb[h] = w.Lab.Host(h).DBAddr()
	}
	if w.Plane, err = StartPlane(ctx, dir, binary, relays, ovsdb, lab.Bridge, lab.Uplink); err != nil {
		return err
	}
	if err := w.makePolicy(ctx); err != nil {
		return err
	}
	for _, m := range machines {
		if err := w.makeVM(ctx, m); err != nil {
			return err
		}
	}
	w.Flows = flows()
	if err := w.makeOutsiders(ctx); err != nil {
		return err
	}
	var ways []way
	for _, f := range append(slices.Clone(w.Flows), controls...) {
		ways = append(ways, f.ways()...)
	}
	w.Sniff = NewSniffer(ways)
	for _, v := range w.vms {
		for _, device := range v.dev {
			if err := w.Sniff.Watch(v.NS, device); err != nil {
				return err
			}
		}
	}
	w.Book = NewBook(len(slots()), time.Now())
	w.newcomers = []newcomer{{of: func(*Flow) bool { return true }, until: time.Now().Add(newFor)}}
	for _, f := range append(slices.Clone(w.Flows), controls...) {
		from, to := w.vms[f.From], w.vms[f.To]
		a := end{from.NS, netip.AddrPortFrom(from.address(f.Family), f.ClientPort)}
		b := end{to.NS, netip.AddrPortFrom(to.address(f.Family), f.Port)}
		if f.Proto == "udp" {
			err = w.senders.UDP(a, b, f.Both)
		} else {
			err = w.senders.TCP(a, b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ways are the flow's: to its server, and back where both ends send.
func (f *Flow) ways() []way {
	from, to := machineNamed(f.From), machineNamed(f.To)
	proto := map[string]uint8{"udp": 17, "tcp": 6}[f.Proto]
	return []way{
		{src: from.address(f.Family), dst: to.address(f.Family), proto: proto, port: f.Port, toServer: true},
		{src: to.address(f.Family), dst: from.address(f.Family), proto: proto, port: f.Port},
	}
}

// makePolicy makes what holds all the time, and the first value of each slot.
func (w *World) makePolicy(ctx context.Context) error {
	c := w.Plane.Clients["api1"]
	none := false
	if _, err := c.PutAccount(ctx, accountID, client.AccountSpec{}); err != nil {
		return err
	}
	if _, err := c.PutNetwork(ctx, networkID, client.NetworkSpec{Type: "vpc", VPC: vpcID, VLAN: vlanID, Prefixes: prefixes}); err != nil {
		return err
	}
	for _, id := range groupIDs {
		spec := client.GroupSpec{Name: id, DefaultRules: &none}
		if id == "listed" {
			spec.EgressPolicy = "listed"
		}
		if _, err := c.PutGroup(ctx, accountID, id, spec); err != nil {
			return err
		}
	}
	for _, r := range fixedRules {
		if _, err := c.PutRule(ctx, accountID, r.group, r.id, mustRule(r.text)); err != nil {
			return fmt.Errorf("%s: %w", r.text, err)
		}
	}
	for _, m := range machines {
		if m.instance != "" {
			if _, err := c.PutInstance(ctx, accountID, m.instance, client.InstanceSpec{}); err != nil {
				return err
			}
			if err := c.SetInstanceGroups(ctx, accountID, m.instance, m.groups); err != nil {
				return err
			}
		}
		if _, err := c.PutNIC(ctx, m.nic(), m.spec()); err != nil {
			return err
		}
		if m.instance != "" {
			continue
		}
		if err := c.SetNICGroups(ctx, accountID, m.nic(), m.groups); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) makeVM(ctx context.Context, m machine) error {
	spec := lab.NodeSpec{Name: m.name, MAC: m.mac()}
	v := &vm{machine: m, on: map[string]*lab.VM{}, dev: map[string]string{m.host: lab.Device}, at: m.host}
	first, err := w.Lab.Host(m.host).VM(m.nic(), spec)
	if err != nil {
		return err
	}
	v.Node, v.on[m.host] = first.Node, first
	if m.moves {
		for _, h := range hostNames {
			if h == m.host {
				continue
			}
			v.dev[h] = "eth1"
			if v.on[h], err = w.Lab.Host(h).NIC(v.Node, m.nic(), v.dev[h], spec); err != nil {
				return err
			}
			if err := v.NS.IP("link set " + v.dev[h] + " down"); err != nil {
				return err
			}
		}
	}
	w.vms[m.name] = v
	if err := v.appear(v.at); err != nil {
		return err
	}
	return w.Lab.Host(m.host).Plug(ctx, first)
}

// appear gives a VM's device on a host its addresses, and tells it where
// everybody is, so that silence of ARP is not what a stream ends of.
func (v *vm) appear(host string) error {
	dev := v.dev[host]
	batch := []string{"link set " + dev + " up", fmt.Sprintf("address replace %s/24 dev %s", v.address(4), dev), fmt.Sprintf("address replace %s/64 dev %s nodad", v.address(6), dev)}
	for _, m := range machines {
		if m.name == v.name {
			continue
		}
		for _, family := range []int{4, 6} {
			batch = append(batch, fmt.Sprintf("neighbor replace %s lladdr %s dev %s nud permanent", m.address(family), m.mac(), dev))
		}
	}
	return v.NS.IP(batch...)
}

// vanish takes the device on a host away from the VM.
func (v *vm) vanish(host string) error {
	dev := v.dev[host]
	return v.NS.IP("address flush dev "+dev, "link set "+dev+" down")
}

// Logs is the end of what each process has written.
func (p *Plane) Logs() string {
	const most = 3000
	text := ""
	files, _ := filepath.Glob(filepath.Join(p.Dir, "*.log")) // the pattern is right
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			b = []byte(err.Error())
		}
		text += fmt.Sprintf("--- %s\n%s\n", strings.TrimSuffix(filepath.Base(file), ".log"), b[max(0, len(b)-most):])
	}
	return text
}

// Close ends everything.
func (w *World) Close() error {
	w.senders.Close()
	var errs []error
	if w.Sniff != nil {
		errs = append(errs, w.Sniff.Close())
	}
	if w.Plane != nil {
		errs = append(errs, w.Plane.Close())
	}
	if w.Lab != nil {
		errs = append(errs, w.Lab.Close())
	}
	return errors.Join(errs...)
}
