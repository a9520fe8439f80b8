package policytest

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/secgroup"
)

// nic reads: nic [ACCOUNT:]NAME NETWORK [ADDRESS…] [allowed PREFIX…] [instance NAME]
// [off] [dhcp-server] [mac MAC].
func (w *world) nic(name string, words []string) ([]secgroup.Change, error) {
	ref := groupRef(name)
	w.macs++
	n := &secgroup.NIC{ID: ref.ID, Account: ref.Account, MAC: secgroup.MAC{2, 0, 0, 0, 0, w.macs}}
	if old := w.snapshot.NIC(n.ID); old != nil {
		n.MAC = old.MAC
	}
	if len(words) == 0 {
		return nil, fmt.Errorf("a nic needs a network")
	}
	n.Network = words[0]
	list := "address"
	for _, word := range words[1:] {
		var err error
		switch {
		case word == "allowed" || word == "instance" || word == "mac":
			list = word
			continue
		case word == "off":
			n.Enforcement = secgroup.EnforcementOff
		case word == "dhcp-server":
			n.DHCPServer = true
		case list == "instance":
			n.Instance, list = word, "address"
		case list == "mac":
			n.MAC, err = secgroup.ParseMAC(word)
			list = "address"
		case list == "allowed":
			var p netip.Prefix
			p, err = netip.ParsePrefix(word)
			n.AllowedAddresses = append(n.AllowedAddresses, p)
		default:
			var a netip.Addr
			a, err = netip.ParseAddr(word)
			n.Addresses = append(n.Addresses, a)
		}
		if err != nil {
			return nil, err
		}
	}
	return valid(n)
}

// network reads: network NAME domain NAME, network NAME vlan NUMBER, or:
// network NAME gateway ADDRESS….
func (w *world) network(name string, words []string) ([]secgroup.Change, error) {
	old := w.snapshot.Network(name)
	if old == nil || len(words) < 2 {
		return nil, fmt.Errorf("no network %q, or nothing said of it", name)
	}
	n := *old
	switch words[0] {
	case "domain":
		n.RoutingDomain = words[1]
	case "vlan":
		vlan, err := strconv.ParseUint(words[1], 10, 16)
		if err != nil {
			return nil, err
		}
		n.VLAN = uint16(vlan)
	case "gateway":
		n.Gateways = nil
		for _, word := range words[1:] {
			a, err := netip.ParseAddr(word)
			if err != nil {
				return nil, err
			}
			n.Gateways = append(n.Gateways, a)
		}
	default:
		return nil, fmt.Errorf("unknown word %q", words[0])
	}
	return valid(&n)
}

// attach reads: [no] attach GROUP NIC, or: [no] attach GROUP instance NAME.
func (w *world) attach(name string, words []string, absent bool) ([]secgroup.Change, error) {
	a := &secgroup.Attachment{Group: groupRef(name)}
	switch {
	case len(words) == 1:
		a.NIC = words[0]
	case len(words) == 2 && words[0] == "instance":
		a.Instance = words[1]
	default:
		return nil, fmt.Errorf("attach GROUP NIC, or GROUP instance NAME")
	}
	if absent {
		return []secgroup.Change{secgroup.Delete(a.Key())}, nil
	}
	return []secgroup.Change{secgroup.Put(a)}, nil
}

// baseline reads: baseline PROTOCOL ADDRESS PORT, one more service.
func (w *world) baseline(words []string) ([]secgroup.Change, error) {
	if len(words) != 3 {
		return nil, fmt.Errorf("baseline PROTOCOL ADDRESS PORT")
	}
	a, err := netip.ParseAddr(words[1])
	if err != nil {
		return nil, err
	}
	p, err := port(words[2])
	if err != nil {
		return nil, err
	}
	b := &secgroup.Baseline{Addresses: append(slices.Clone(w.snapshot.Baseline().Addresses),
		secgroup.BaselineAddress{Address: a, Protocol: secgroup.Protocol(strings.ToLower(words[0])), Port: p})}
	return valid(b)
}
