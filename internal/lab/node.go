package lab

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/ringfence/ringfence/internal/netns"
	"github.com/ringfence/ringfence/internal/ovsproc"
)

// Device is the name of a node's first interface.
const Device = "eth0"

// Lab is where the node is.
func (n *Node) Lab() *Lab { return n.lab }

// Address is the node's first address of the family, 4 or 6.
func (n *Node) Address(family int) netip.Addr {
	for _, p := range n.Addresses {
		if p.Addr().Is4() == (family == 4) {
			return p.Addr()
		}
	}
	return netip.Addr{}
}

// NodeSpec says what a node has.
type NodeSpec struct {
	Name      string
	MAC       string
	Addresses []netip.Prefix
	Gateways  []netip.Addr // default routes
}

func (l *Lab) newNode(spec NodeSpec) (*Node, error) {
	ns, err := netns.New(spec.Name)
	if err != nil {
		return nil, err
	}
	n := &Node{Name: spec.Name, MAC: spec.MAC, Addresses: spec.Addresses, NS: ns, lab: l}
	l.own(n)
	for _, s := range settings {
		if err := ns.Sysctl(s[0], s[1]); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// settings make a node's stack deterministic: addresses usable at once, multicast groups
// reported as soon as they are joined and not a second later, nothing learned from advertisements, no
// source validation of its own, no limit on ICMP errors, ping sockets for everyone.
var settings = [][2]string{
	{"ipv6/conf/default/accept_dad", "0"},
	{"ipv6/conf/default/dad_transmits", "0"},
	{"ipv6/conf/default/mldv1_unsolicited_report_interval", "1"}, // ms
	{"ipv6/conf/default/mldv2_unsolicited_report_interval", "1"},
	{"ipv6/conf/default/accept_ra", "0"},
	{"ipv6/conf/default/router_solicitations", "0"},
	{"ipv4/conf/all/rp_filter", "0"},
	{"ipv4/conf/default/rp_filter", "0"},
	{"ipv4/icmp_ratelimit", "0"},
	{"ipv6/icmp/ratelimit", "0"},
	{"ipv4/ping_group_range", "0 2147483647"},
}

// configure are the commands of ip(8) that set up a node's device.
func configure(device string, spec NodeSpec) (commands []string) {
	if spec.MAC != "" {
		commands = append(commands, "link set "+device+" address "+spec.MAC)
	}
	commands = append(commands, "link set "+device+" up")
	for _, a := range spec.Addresses {
		commands = append(commands, addrAdd(a, device))
	}
	for _, g := range spec.Gateways {
		commands = append(commands, fmt.Sprintf("route add default via %s dev %s", g, device))
	}
	return commands
}

// AddAddress gives the running node one more address.
func (n *Node) AddAddress(a netip.Prefix) error {
	if err := n.NS.IP(addrAdd(a, Device)); err != nil {
		return err
	}
	return n.NS.AwaitAddresses(Device)
}

func addrAdd(a netip.Prefix, device string) string {
	nodad := ""
	if a.Addr().Is6() {
		nodad = " nodad"
	}
	return fmt.Sprintf("address add %s dev %s%s", a, device, nodad)
}

// Outside adds a node behind the fabric, on the untagged network (vlan 0) or
// in one VLAN, as a server, a client or a gateway that is no NIC of ours.
func (l *Lab) Outside(ctx context.Context, vlan uint16, spec NodeSpec) (*Node, error) {
	n, err := l.newNode(spec)
	if err != nil {
		return nil, err
	}
	return n, l.Extend(ctx, n, Device, vlan, spec)
}

// Extend gives a node one more device, behind the fabric: it is a router then.
func (l *Lab) Extend(ctx context.Context, n *Node, device string, vlan uint16, spec NodeSpec) error {
	port := fmt.Sprintf("out%d", l.number())
	if err := wire(l.fabric.ns, port, n.NS, device, configure(device, spec)...); err != nil {
		return err
	}
	return l.fabric.Commit(ctx, ovsproc.NewChange().AddPort(fabricBridge, ovsproc.Port{Name: port, Tag: vlan}))
}

// Forward has a node pass on what is not for itself.
func (n *Node) Forward() error {
	for _, key := range []string{"ipv4/conf/all/forwarding", "ipv6/conf/all/forwarding"} {
		if err := n.NS.Sysctl(key, "1"); err != nil {
			return err
		}
	}
	return nil
}

// VM is a node whose tap is on a host.
type VM struct {
	*Node
	NIC  string // iface-id
	Host *Host
	tap  string

	device string
	spec   NodeSpec
}

// VM makes a VM on a host; Plug adds it to the bridge.
func (h *Host) VM(nic string, spec NodeSpec) (*VM, error) {
	n, err := h.lab.newNode(spec)
	if err != nil {
		return nil, err
	}
	return h.NIC(n, nic, Device, spec)
}

// NIC gives a node a device whose tap is on the host: one more NIC of a VM.
func (h *Host) NIC(n *Node, nic, device string, spec NodeSpec) (*VM, error) {
	v := &VM{Node: n, NIC: nic, Host: h, tap: fmt.Sprintf("tap%d", h.lab.number()), device: device, spec: spec}
	return v, wire(h.ns, v.tap, v.NS, device, configure(device, spec)...)
}

// Renew deletes the VM's tap and makes it anew under its name. What the bridge has
// stays as it is.
func (v *VM) Renew() error {
	if err := v.Host.ns.IP("link del " + v.tap); err != nil {
		return err
	}
	return wire(v.Host.ns, v.tap, v.NS, v.device, configure(v.device, v.spec)...)
}

// Remove unplugs the VMs, which may be on several hosts, and ends them.
func (l *Lab) Remove(ctx context.Context, vms ...*VM) error {
	byHost := map[*Host][]*VM{}
	for _, v := range vms {
		byHost[v.Host] = append(byHost[v.Host], v)
	}
	var errs []error
	for h, vms := range byHost {
		var links []string
		for _, v := range vms {
			links = append(links, "link del "+v.tap)
		}
		errs = append(errs, h.Unplug(ctx, vms...), h.ns.IP(links...))
	}
	for _, v := range vms {
		if l.disown(v.Node) {
			errs = append(errs, v.NS.Close())
		}
	}
	return errors.Join(errs...)
}

// String names the node and its addresses.
func (n *Node) String() string {
	var as []string
	for _, a := range n.Addresses {
		as = append(as, a.Addr().String())
	}
	return n.Name + " (" + strings.Join(as, " ") + ")"
}
