package lab

import (
	"context"
	"errors"
	"os"
	"sync"

	"github.com/ringfence/ringfence/internal/ovsproc"
)

// New starts the fabric and the hosts. End it with Close.
func New(ctx context.Context, hosts ...string) (*Lab, error) {
	dir, err := os.MkdirTemp("/tmp", "rflab") // short, for the sockets' paths
	if err != nil {
		return nil, err
	}
	l := &Lab{dir: dir, hosts: map[string]*Host{}, nodes: map[*Node]struct{}{}}
	if err := l.build(ctx, hosts); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *Lab) build(ctx context.Context, hosts []string) error {
	sites := make([]*site, len(hosts)+1)
	errs := make([]error, len(sites))
	var wg sync.WaitGroup
	for i, name := range append([]string{"fabric"}, hosts...) {
		wg.Go(func() { sites[i], errs[i] = newSite(ctx, l.dir, name) })
	}
	wg.Wait()
	for i, s := range sites {
		switch {
		case s == nil:
		case i == 0:
			l.fabric = s
		default:
			l.hosts[s.name] = &Host{site: s, lab: l}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	fabric := ovsproc.NewChange().AddBridge(ovsproc.Bridge{Name: fabricBridge, Datapath: Datapath()})
	for _, name := range hosts {
		if err := wire(l.hosts[name].ns, Uplink, l.fabric.ns, name); err != nil {
			return err
		}
		fabric.AddPort(fabricBridge, ovsproc.Port{Name: name})
	}
	if err := l.fabric.Commit(ctx, fabric); err != nil {
		return err
	}
	for _, name := range hosts {
		if err := l.hosts[name].connect(ctx); err != nil {
			return err
		}
	}
	return nil
}

// connect makes the bridge, as a platform's installer would, with the uplink that is
// wired to the fabric.
func (h *Host) connect(ctx context.Context) error {
	err := h.Commit(ctx, ovsproc.NewChange().
		AddBridge(ovsproc.Bridge{Name: Bridge, Datapath: Datapath(), FailMode: "secure", Protocols: []string{"OpenFlow10", "OpenFlow13", "OpenFlow15"}}).
		AddPort(Bridge, ovsproc.Port{Name: Uplink}))
	if err != nil || Datapath() != KernelDatapath {
		return err
	}
	if err := h.awaitUpcalls(ctx, h.lab.fabric.ns, h.name); err != nil {
		return err
	}
	return h.lab.fabric.awaitUpcalls(ctx, h.ns, Uplink)
}

// Close ends every process and removes every namespace of the lab.
func (l *Lab) Close() error {
	l.mu.Lock()
	nodes := l.nodes
	l.nodes = map[*Node]struct{}{}
	l.mu.Unlock()
	var errs []error
	for _, h := range l.hosts {
		errs = append(errs, h.close())
	}
	if l.fabric != nil {
		errs = append(errs, l.fabric.close())
	}
	for n := range nodes {
		errs = append(errs, n.NS.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(l.dir))...)
}
