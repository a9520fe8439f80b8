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
	"errors"
	"fmt"
	"net/netip"
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

// Host returns the host of that name; there must be one.
func (l *Lab) Host(name string) *Host {
	h := l.hosts[name]
	if h == nil {
		panic(fmt.Sprintf("lab: no host %q", name))
	}
	return h
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
// the userspace datapath does not undo, sets both ends up and waits until they work. Before
// that, commands of ip(8) configure b's end.
func wire(a *netns.Namespace, aName string, b *netns.Namespace, bName string, commands ...string) error {
	pair := fmt.Sprintf("link add %s type veth peer name %s netns %s", bName, aName, a.Path())
	if err := b.IP(append([]string{pair}, commands...)...); err != nil {
		return err
	}
	if err := errors.Join(a.FillChecksums(aName), b.FillChecksums(bName), b.Up(bName), a.Up(aName)); err != nil {
		return err
	}
	return errors.Join(a.AwaitRunning(aName), b.AwaitRunning(bName), b.AwaitAddresses(bName))
}

// site is a namespace with an Open vSwitch in it.
type site struct {
	*ovsproc.Proc
	name string
	ns   *netns.Namespace
}

// Host is a hypervisor: a namespace with Bridge, its uplink and the taps of
// its VMs. The embedded Proc is its Open vSwitch.
type Host struct {
	*site
	lab *Lab
}

// Name is the name given to New.
func (h *Host) Name() string { return h.name }

// Node is a machine with an IP stack of its own: a VM or an outside node.
type Node struct {
	Name      string
	MAC       string
	Addresses []netip.Prefix // with their on-link prefix length
	NS        *netns.Namespace

	lab *Lab
}

// beside is a bridge of the host that is OVS's own, a learning switch: it shares
// ovs-vswitchd with the VMs, and no flow.
const beside = "beside"

// fabricBridge is the bridge of the fabric; its flows are OVS's own default,
// NORMAL: a learning switch with VLANs.
const fabricBridge = "fabric"
