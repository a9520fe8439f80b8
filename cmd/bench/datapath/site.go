package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/ringfence/ringfence/internal/netns"
	"github.com/ringfence/ringfence/internal/ovsproc"
	"github.com/ringfence/ringfence/internal/stack"
	"github.com/ringfence/ringfence/secgroup"
)

// site is the switch with all bridges.
type site struct {
	ovs     *ovsproc.Proc
	dir     string
	pairs   []*pair
	daemons []*stack.Process
}

func (s *site) close() error {
	var errs []error
	for _, d := range s.daemons {
		errs = append(errs, d.Kill())
	}
	if s.ovs != nil {
		errs = append(errs, s.ovs.Stop())
	}
	for _, p := range s.pairs {
		errs = append(errs, p.client.ns.Close(), p.server.ns.Close())
	}
	return errors.Join(errs...)
}

// pair is a client and a server at a bridge of their own, named for who programs it. Every
// pair has the same addresses.
type pair struct {
	name           string
	client, server vm
}

type vm struct {
	ns   *netns.Namespace
	tap  string // at the switch
	mac  secgroup.MAC
	addr netip.Addr
}

// Every pair's ends; the client may send from all of clients.
var (
	clients    = netip.MustParsePrefix("10.0.0.0/20")
	clientAddr = netip.MustParseAddr("10.0.0.1")
	serverAddr = netip.MustParseAddr("10.0.200.2")
	clientMAC  = secgroup.MAC{2, 0, 0, 0, 0, 1}
	serverMAC  = secgroup.MAC{2, 0, 0, 0, 0, 2}
)

// pair makes the two ends, which no bridge has yet.
func (s *site) pair(name string) (*pair, error) {
	here, err := netns.New("switch")
	if err != nil {
		return nil, err
	}
	defer here.Close()
	p := &pair{name: name}
	for _, end := range []struct {
		*vm
		made  vm
		other *vm
	}{
		{&p.client, vm{tap: name + "-c", mac: clientMAC, addr: clientAddr}, &p.server},
		{&p.server, vm{tap: name + "-s", mac: serverMAC, addr: serverAddr}, &p.client},
	} {
		*end.vm = end.made
		if end.ns, err = netns.New(end.tap); err != nil {
			return nil, err
		}
	}
	s.pairs = append(s.pairs, p)
	for _, end := range [][2]vm{{p.client, p.server}, {p.server, p.client}} {
		me, other := end[0], end[1]
		// The userspace datapath completes no checksums. Neighbours are known, so that
		// nothing but the traffic itself is measured.
		if err := me.ns.IP(
			fmt.Sprintf("link add eth0 address %s type veth peer name %s netns /proc/%d/ns/net", me.mac, me.tap, s.ovs.VswitchdPID()),
			fmt.Sprintf("address add %s/16 dev eth0", me.addr), "link set eth0 up",
			fmt.Sprintf("neighbour add %s lladdr %s dev eth0", other.addr, other.mac)); err != nil {
			return nil, err
		}
		if err := me.ns.Run("ethtool", "-K", "eth0", "tx", "off"); err != nil {
			return nil, err
		}
		for key, value := range map[string]string{"ipv4/ip_local_port_range": "10000 65000", "ipv4/tcp_tw_reuse": "1", "ipv6/conf/all/disable_ipv6": "1"} {
			if err := me.ns.Sysctl(key, value); err != nil {
				return nil, err
			}
		}
	}
	// The server has no answer for who does not connect.
	return p, p.server.ns.IP("route add blackhole "+clients.String(), fmt.Sprintf("route add %s/32 dev eth0", clientAddr))
}

// plug adds a bridge, and the pair to it; the ports' numbers are 1 and 2.
func (s *site) plug(ctx context.Context, b ovsproc.Bridge, p *pair) error {
	b.Datapath = "netdev"
	change := ovsproc.NewChange().AddBridge(b)
	for i, v := range []vm{p.client, p.server} {
		if _, err := s.ovs.Run(ctx, "nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", s.ovs.VswitchdPID()), "ip", "link", "set", v.tap, "up"); err != nil {
			return err
		}
		if _, err := s.ovs.Run(ctx, "nsenter", fmt.Sprintf("--net=/proc/%d/ns/net", s.ovs.VswitchdPID()), "ethtool", "-K", v.tap, "tx", "off"); err != nil {
			return err
		}
		change.AddPort(b.Name, ovsproc.Port{Name: v.tap, OFPort: uint32(i + 1), ExternalIDs: map[string]string{"iface-id": v.tap}})
	}
	return s.ovs.Commit(ctx, change)
}

// normal switches by MAC alone.
func (s *site) normal(ctx context.Context, p *pair, _ policy) error {
	return s.plug(ctx, ovsproc.Bridge{Name: p.name}, p)
}
