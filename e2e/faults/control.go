package faults

import (
	"context"
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
// and nothing else.
var controls = []Flow{
	{Name: "control of the fabric", From: "o1", To: "o2", Proto: "udp", Family: 4, Port: 5000, ClientPort: 5001, Both: true},
	{Name: "control of h1", From: "p1", To: "p2", Proto: "udp", Family: 4, Port: 5000, ClientPort: 5001, Both: true},
	{Name: "control of h2", From: "q1", To: "q2", Proto: "udp", Family: 4, Port: 5000, ClientPort: 5001, Both: true},
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
	return nil
}

// stall is what a control flow has lost.
type stall struct {
	host string // "": the fabric
	cuts []Cut
}

type stalls []stall

// stalls are the machine's own in a window, but for what a fault is the cause of.
func (w *World) stalls(in Window) (all stalls) {
	for i := range controls {
		f := &controls[i]
		s := stall{host: machineNamed(f.From).host}
		for _, way := range f.ways() {
			s.cuts = append(s.cuts, Cuts(w.Sniff.Seen(way), []Phase{{time.Time{}, Must}}, in, w.excused(f, false))...)
		}
		all = append(all, s)
	}
	return all
}

// of are those on a flow's way.
func (all stalls) of(f *Flow) (cuts []Cut) {
	for _, s := range all {
		for _, name := range []string{f.From, f.To} {
			if m := machineNamed(name); s.host == "" || s.host == m.host || m.moves {
				cuts = append(cuts, s.cuts...)
			}
		}
	}
	return cuts
}
