// Package lab builds a small data centre out of network namespaces on one
// machine, with real packets:
//
//	  host h1                    fabric                     host h2
//	┌───────────────┐      ┌───────────────┐      ┌───────────────┐
//	│ vm ─ tap ┐    │      │ OVS, NORMAL   │      │    ┌ tap ─ vm │
//	│ vm ─ tap ┤    │      │ (VLAN trunks) │      │    ├ tap ─ vm │
//	│       br-int ─ uplink ── h1     h2 ── uplink ─ br-int      │
//	└───────────────┘      └── tag=V ──────┘      └───────────────┘
//	                             │
//	                       outside node (a gateway, a client, a router)
//
// Each host and the fabric is a namespace with an ovsdb-server and an
// ovs-vswitchd (userspace datapath) of its own; each VM and outside node is a
// namespace with a veth. It knows nothing of Ringfence: what passes br-int is
// up to whoever programs it.
package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/ringfence/ringfence/internal/netns"
	"github.com/ringfence/ringfence/internal/ovsproc"
)

// Bridge is the integration bridge of every host.
const Bridge = "br-int"

// DatapathEnv names the environment variable with the datapath_type of all
// bridges, UserspaceDatapath without it.
const DatapathEnv = "RINGFENCE_LAB_DATAPATH"

// The datapaths. Each namespace has one of the kernel's.
const (
	UserspaceDatapath = "netdev"
	KernelDatapath    = "system"
)

// Datapath is the datapath_type of all bridges.
func Datapath() string {
	if d := os.Getenv(DatapathEnv); d != "" {
		return d
	}
	return UserspaceDatapath
}

// Uplink is the name of the port of Bridge that leads to the fabric.
const Uplink = "uplink"

// Lab is a running data centre. Its methods are safe for concurrent use.
type Lab struct {
	dir    string
	fabric *site
	hosts  map[string]*Host
	drops  drops

	mu    sync.Mutex
	next  int // numbers fabric ports
	nodes map[*Node]struct{}
}

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

// Host returns the host of that name; there must be one.
func (l *Lab) Host(name string) *Host {
	h := l.hosts[name]
	if h == nil {
		panic(fmt.Sprintf("lab: no host %q", name))
	}
	return h
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

// number returns a number that was not given out before.
func (l *Lab) number() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.next++
	return l.next
}

func (l *Lab) own(n *Node) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.nodes[n] = struct{}{}
}

// disown forgets a node and reports whether it was still the lab's.
func (l *Lab) disown(n *Node) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, mine := l.nodes[n]
	delete(l.nodes, n)
	return mine
}

// wire joins two namespaces by a veth pair without checksum offload, which
// the userspace datapath does not undo, and sets both ends up. Before that, commands
// of ip(8) configure b's end.
func wire(a *netns.Namespace, aName string, b *netns.Namespace, bName string, commands ...string) error {
	pair := fmt.Sprintf("link add %s type veth peer name %s netns %s", bName, aName, a.Path())
	if err := b.IP(append([]string{pair}, commands...)...); err != nil {
		return err
	}
	return errors.Join(a.FillChecksums(aName), b.FillChecksums(bName), b.Up(bName), a.Up(aName))
}
