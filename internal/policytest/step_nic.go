package policytest

import (
	"slices"

	"github.com/ringfence/ringfence/secgroup"
)

// anyNIC draws a NIC, nil if there is none.
func (g *Gen) anyNIC(s *secgroup.Snapshot) *secgroup.NIC {
	n, _ := pickOr(g, s.NICs())
	return n
}

// editNIC draws a NIC and puts a copy that edit changed, or left as it is.
func (g *Gen) editNIC(s *secgroup.Snapshot, edit func(*secgroup.NIC)) []secgroup.Change {
	old := g.anyNIC(s)
	if old == nil {
		return nil
	}
	n := *old
	n.Addresses, n.AllowedAddresses = slices.Clone(old.Addresses), slices.Clone(old.AllowedAddresses)
	edit(&n)
	return []secgroup.Change{secgroup.Put(&n)}
}

func (g *Gen) attach(s *secgroup.Snapshot) []secgroup.Change {
	n := g.anyNIC(s)
	if n == nil {
		return nil
	}
	a := g.attachment(s, n)
	if s.HasAttachment(*a) {
		return nil
	}
	return []secgroup.Change{secgroup.Put(a)}
}

func (g *Gen) detach(s *secgroup.Snapshot) []secgroup.Change {
	n := g.anyNIC(s)
	if n == nil {
		return nil
	}
	all := append(s.AttachmentsOfNIC(n.ID), s.AttachmentsOfInstance(secgroup.InstanceRef{Account: n.Account, ID: n.Instance})...)
	a, ok := pickOr(g, all)
	if !ok {
		return nil
	}
	return []secgroup.Change{secgroup.Delete(secgroup.AttachmentKey(a))}
}

func (g *Gen) addNIC(s *secgroup.Snapshot) []secgroup.Change {
	if len(s.NICs()) >= 2*g.NICs {
		return nil
	}
	n := g.nic(s, g.id("n"))
	changes := []secgroup.Change{secgroup.Put(n)}
	if g.chance(60) {
		changes = append(changes, secgroup.Put(&secgroup.Attachment{Group: pick(g, s.Groups(n.Account)).GroupRef, NIC: n.ID}))
	}
	return changes
}

func (g *Gen) deleteNIC(s *secgroup.Snapshot) []secgroup.Change {
	n := g.anyNIC(s)
	if n == nil || len(s.NICs()) < 4 {
		return nil
	}
	changes := []secgroup.Change{secgroup.Delete(n.Key())}
	for _, a := range s.AttachmentsOfNIC(n.ID) {
		changes = append(changes, secgroup.Delete(secgroup.AttachmentKey(a)))
	}
	return changes
}

func (g *Gen) readdressNIC(s *secgroup.Snapshot) []secgroup.Change {
	return g.editNIC(s, func(n *secgroup.NIC) { g.readdress(s, n) })
}

// moveNIC gives a NIC another network or another instance.
func (g *Gen) moveNIC(s *secgroup.Snapshot) []secgroup.Change {
	return g.editNIC(s, func(n *secgroup.NIC) {
		if g.chance(60) {
			n.Network = pick(g, s.Networks()).ID
			g.readdress(s, n)
			return
		}
		n.Instance = ""
		if i, ok := pickOr(g, s.Instances(n.Account)); ok && g.chance(70) {
			n.Instance = i.ID
		}
	})
}

func (g *Gen) changeAllowed(s *secgroup.Snapshot) []secgroup.Change {
	return g.editNIC(s, func(n *secgroup.NIC) {
		if n.AllowedAddresses != nil && g.chance(40) {
			n.AllowedAddresses = nil
			return
		}
		g.allow(s, n)
	})
}

// switchEnforcement changes one of a NIC's own settings: enforcement, its MAC
// or whether it may be a DHCP server.
func (g *Gen) switchEnforcement(s *secgroup.Snapshot) []secgroup.Change {
	return g.editNIC(s, func(n *secgroup.NIC) {
		switch g.weighted(60, 20, 20) {
		case 0:
			n.Enforcement = secgroup.EnforcementOn
			if g.chance(15) {
				n.Enforcement = secgroup.EnforcementOff
			}
		case 1:
			n.MAC = g.mac()
		case 2:
			n.DHCPServer = g.Guard && !n.DHCPServer
		}
	})
}

// changeNetwork gives a network another VLAN, other gateways or another routing
// domain, alone in it so that no address is held twice.
func (g *Gen) changeNetwork(s *secgroup.Snapshot) []secgroup.Change {
	old, ok := pickOr(g, s.Networks())
	if !ok {
		return nil
	}
	net := *old
	switch g.weighted(30, 30, 40) {
	case 0:
		g.serial++
		net.VLAN = uint16(200 + g.serial%3800)
	case 1:
		net.Gateways = addresses(pick(g, []string{"fe80::1", "fe80::2", "fe80::254"}))
	case 2:
		net.RoutingDomain = g.id("site-")
	}
	return []secgroup.Change{secgroup.Put(&net)}
}

func (g *Gen) addInstance(*secgroup.Snapshot) []secgroup.Change {
	return []secgroup.Change{secgroup.Put(&secgroup.Instance{InstanceRef: secgroup.InstanceRef{Account: pick(g, accounts), ID: g.id("i")}})}
}

// deleteInstance takes its attachments along and leaves its NICs without one.
func (g *Gen) deleteInstance(s *secgroup.Snapshot) []secgroup.Change {
	i, ok := pickOr(g, s.Instances(pick(g, accounts)))
	if !ok {
		return nil
	}
	changes := []secgroup.Change{secgroup.Delete(i.Key())}
	for _, a := range s.AttachmentsOfInstance(i.InstanceRef) {
		changes = append(changes, secgroup.Delete(secgroup.AttachmentKey(a)))
	}
	for _, n := range s.NICsOfInstance(i.InstanceRef) {
		free := *n
		free.Instance = ""
		changes = append(changes, secgroup.Put(&free))
	}
	return changes
}

func (g *Gen) changeBaseline(*secgroup.Snapshot) []secgroup.Change {
	if !g.Guard {
		return nil
	}
	return []secgroup.Change{secgroup.Put(g.baseline())}
}
