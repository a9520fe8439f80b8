package faults

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/ringfence/ringfence/internal/lab"
)

// outsiders are machines that are no VMs: two at the fabric, and two on each
// host, at a bridge that is nobody's but OVS's own.
var outsiders = []machine{
	{name: "o1", octet: 201}, {name: "o2", octet: 202},
	{name: "p1", host: "h1", octet: 211}, {name: "p2", host: "h1", octet: 212},
	{name: "q1", host: "h2", octet: 221}, {name: "q2", host: "h2", octet: 222},
}

// controls are flows between them, sent as all others are: what they lose, the
// machine is too busy for. Those on a host share its ovs-vswitchd with the VMs,
// and nothing else; the one between hosts goes through both of these and the fabric's,
// as what VMs of two hosts send does: each holds up what the one before let pass.
var controls = []Flow{
	{Name: "control of the fabric", From: "o1", To: "o2", Proto: "udp", Family: 4, Port: 5000, ClientPort: 5001, Both: true},
	{Name: "control of h1", From: "p1", To: "p2", Proto: "udp", Family: 4, Port: 5000, ClientPort: 5001, Both: true},
	{Name: "control of h2", From: "q1", To: "q2", Proto: "udp", Family: 4, Port: 5000, ClientPort: 5001, Both: true},
	{Name: "control of the way between hosts", From: "p1", To: "q1", Proto: "udp", Family: 4, Port: 5002, ClientPort: 5003, Both: true},
}

// makeOutsiders adds them.
func (w *World) makeOutsiders(ctx context.Context) error {
	for _, m := range outsiders {
		spec := lab.NodeSpec{Name: m.name, MAC: m.mac(), Addresses: []netip.Prefix{netip.PrefixFrom(m.address(4), 24)}}
		var node *lab.Node
		var err error
		if m.host == "" {
			node, err = w.Lab.Outside(ctx, 0, spec)
		} else {
			node, err = w.Lab.Host(m.host).Beside(ctx, spec)
		}
		if err != nil {
			return err
		}
		w.vms[m.name] = &vm{machine: m, Node: node, dev: map[string]string{"": lab.Device}}
	}
	for _, h := range hostNames {
		if err := w.Lab.Host(h).JoinBeside(ctx); err != nil {
			return err
		}
	}
	return w.introduceOutsiders()
}

// introduceOutsiders tells them where the others are, as VMs are told: silence of ARP
// is none of the machine's.
func (w *World) introduceOutsiders() error {
	for _, m := range outsiders {
		var batch []string
		for _, other := range outsiders {
			if other.name != m.name {
				batch = append(batch, fmt.Sprintf("neighbor replace %s lladdr %s dev %s nud permanent", other.address(4), other.mac(), lab.Device))
			}
		}
		if err := w.vms[m.name].NS.IP(batch...); err != nil {
			return err
		}
	}
	return nil
}

// stall is what a control flow has lost.
type stall struct {
	control *Flow
	cuts    []Cut
}

type stalls []stall

// stalls are the machine's own in a window, but for what a fault is the cause of.
func (w *World) stalls(in Window) (all stalls) {
	for i := range controls {
		f := &controls[i]
		s := stall{control: f}
		for _, way := range f.ways() {
			seen := w.Sniff.Seen(way)
			s.cuts = append(s.cuts, Cuts(seen, []Phase{{time.Time{}, Must}}, in, w.excused(f, false))...)
			s.cuts = append(s.cuts, Silences(seen.Sent, in)...)
		}
		all = append(all, s)
	}
	return all
}

// of are those on a flow's way.
func (all stalls) of(f *Flow) (cuts []Cut) {
	for _, s := range all {
		if s.control.isOnTheWayOf(f) {
			cuts = append(cuts, s.cuts...)
		}
	}
	return cuts
}

// isOnTheWayOf tells whether what a control flow goes through another one does, too.
func (f *Flow) isOnTheWayOf(other *Flow) bool {
	host := machineNamed(f.From).host
	switch {
	case host == "":
		return true
	case across(f):
		return across(other)
	default:
		from, to := machineNamed(other.From), machineNamed(other.To)
		return from.host == host || to.host == host || from.moves || to.moves
	}
}
