package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/ringfence/ringfence/cmd/bench/internal/ovnproc"
	"github.com/ringfence/ringfence/internal/netns"
	"github.com/ringfence/ringfence/internal/ovsproc"
	"github.com/ringfence/ringfence/secgroup"
)

// site is a switch of its own, with a client and a server at its one bridge; it has the name
// of who programs that. Every site has the same addresses and ports. Bridges of one
// ovs-vswitchd would not do: which ports it asks first for packets decides more than flows do.
type site struct {
	name           string
	dir            string
	kernel         bool             // it has the kernel's datapath
	ns             *netns.Namespace // of the switch
	ovs            *ovsproc.Proc
	client, server vm
	control        *ovnproc.OVN // if that programs it
	turns          int          // of short connections and scans
}

// start starts the switch, and makes the two ends, which it does not have yet. What was
// started is close's to end, also after an error.
func (s *site) start(ctx context.Context) error {
	if err := os.Mkdir(s.dir, 0o755); err != nil {
		return err
	}
	var err error
	if s.ns, err = netns.New(s.name); err != nil {
		return err
	}
	if s.ovs, err = ovsproc.Start(ctx, ovsproc.Config{Dir: s.dir, Netns: s.ns.Path(), System: s.kernel}); err != nil {
		return err
	}
	return s.pair()
}

func (s *site) close() error {
	var errs []error
	if s.control != nil {
		errs = append(errs, s.control.Close())
	}
	if s.ovs != nil {
		errs = append(errs, s.ovs.Stop())
	}
	for _, ns := range []*netns.Namespace{s.ns, s.client.ns, s.server.ns} {
		if ns != nil {
			errs = append(errs, ns.Close())
		}
	}
	return errors.Join(errs...)
}

type vm struct {
	ns    *netns.Namespace
	tap   string // at the switch
	mac   secgroup.MAC
	addrs []netip.Addr
}

// Every site's ends; the client may send from all of clients.
var (
	clients = netip.MustParsePrefix("10.0.0.0/20")
	// clientAddrs take turns at short connections, so that none begins at the ends of one that
	// a kernel, or the switch, has not forgotten: the userspace datapath of Open vSwitch 3.1.0
	// ends in an assertion (conn_update_state) if such a one comes to OVN's ct(commit,nat(src)).
	clientAddrs = addresses(16)
	serverAddr  = netip.MustParseAddr("10.0.200.2")
	clientMAC   = secgroup.MAC{2, 0, 0, 0, 0, 1}
	serverMAC   = secgroup.MAC{2, 0, 0, 0, 0, 2}
)

// addresses are so many of clients, none of which is a member of another group.
func addresses(n byte) (all []netip.Addr) {
	for i := range n {
		all = append(all, netip.AddrFrom4([4]byte{10, 0, i, 1}))
	}
	return all
}

// pair makes the two ends, which no bridge has yet.
func (s *site) pair() (err error) {
	s.client = vm{tap: s.name + "-c", mac: clientMAC, addrs: clientAddrs}
	s.server = vm{tap: s.name + "-s", mac: serverMAC, addrs: []netip.Addr{serverAddr}}
	for _, v := range []*vm{&s.client, &s.server} {
		if v.ns, err = netns.New(v.tap); err != nil {
			return err
		}
	}
	for _, end := range [][2]vm{{s.client, s.server}, {s.server, s.client}} {
		me, other := end[0], end[1]
		// The userspace datapath completes no checksums. Neighbours are known, so that
		// nothing but the traffic itself is measured.
		commands := []string{fmt.Sprintf("link add eth0 address %s type veth peer name %s netns %s", me.mac, me.tap, s.ns.Path()), "link set eth0 up"}
		for _, addr := range me.addrs {
			commands = append(commands, fmt.Sprintf("address add %s/16 dev eth0", addr))
		}
		for _, addr := range other.addrs {
			commands = append(commands, fmt.Sprintf("neighbour add %s lladdr %s dev eth0", addr, other.mac))
		}
		if err := me.ns.IP(commands...); err != nil {
			return err
		}
		if err := me.ns.FillChecksums("eth0"); err != nil {
			return err
		}
		for key, value := range map[string]string{"ipv4/ip_local_port_range": "10000 65000", "ipv4/tcp_tw_reuse": "0", "ipv6/conf/all/disable_ipv6": "1"} {
			if err := me.ns.Sysctl(key, value); err != nil {
				return err
			}
		}
	}
	// The server has no answer for who does not connect.
	routes := []string{"route add blackhole " + clients.String()}
	for _, addr := range clientAddrs {
		routes = append(routes, fmt.Sprintf("route add %s/32 dev eth0", addr))
	}
	return s.server.ns.IP(routes...)
}

// plug adds a bridge, and the two ends to it; the ports' numbers are 1 and 2.
func (s *site) plug(ctx context.Context, b ovsproc.Bridge) error {
	if b.Datapath = "netdev"; s.kernel {
		b.Datapath = "system"
	}
	change := ovsproc.NewChange().AddBridge(b)
	for i, v := range []vm{s.client, s.server} {
		if err := errors.Join(s.ns.FillChecksums(v.tap), s.ns.Up(v.tap), s.ns.AwaitRunning(v.tap), v.ns.AwaitRunning("eth0")); err != nil {
			return err
		}
		change.AddPort(b.Name, ovsproc.Port{Name: v.tap, OFPort: uint32(i + 1), ExternalIDs: map[string]string{"iface-id": v.tap}})
	}
	if err := s.ovs.Commit(ctx, change); err != nil || !s.kernel {
		return err
	}
	return s.awaitUpcalls(ctx)
}

// normal switches by MAC alone.
func (s *site) normal(ctx context.Context, _ policy) error {
	return s.plug(ctx, ovsproc.Bridge{Name: s.name})
}
