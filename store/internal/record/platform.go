package record

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/ringfence/ringfence/secgroup"
)

type accountRecord struct {
	Header
	Egress  secgroup.EgressPolicy    `json:"egress,omitempty"`
	Guard   secgroup.EgressOpenGuard `json:"guard,omitempty"`
	Quotas  map[string]int           `json:"quotas,omitempty"`
	Created Stamp                    `json:"created,omitempty"`
	Updated Stamp                    `json:"updated,omitempty"`
}

func accountToRecord(a *secgroup.Account) accountRecord {
	return accountRecord{Current, a.EgressPolicyDefault, a.EgressOpenGuard, a.Quotas, StampOf(a.CreatedAt), StampOf(a.UpdatedAt)}
}

func (r accountRecord) account(id string, rev int64) (*secgroup.Account, error) {
	if err := oneOf("egress", r.Egress, "", secgroup.EgressAuto, secgroup.EgressListed, secgroup.EgressOpen); err != nil {
		return nil, err
	}
	if err := oneOf("guard", r.Guard, "", secgroup.GuardAllow, secgroup.GuardBlock); err != nil {
		return nil, err
	}
	return &secgroup.Account{ID: id, EgressPolicyDefault: r.Egress, EgressOpenGuard: r.Guard, Quotas: r.Quotas,
		CreatedAt: r.Created.time(), UpdatedAt: r.Updated.time(), Revision: rev}, nil
}

type networkRecord struct {
	Header
	Type     secgroup.NetworkType `json:"type"`
	VPC      string               `json:"vpc,omitempty"`
	Prefixes []netip.Prefix       `json:"prefixes,omitempty"`
	VLAN     uint16               `json:"vlan,omitempty"`
	Local    bool                 `json:"local,omitempty"`
	Domain   string               `json:"domain"`
	Gateways []netip.Addr         `json:"gateways,omitempty"`
	Created  Stamp                `json:"created,omitempty"`
	Updated  Stamp                `json:"updated,omitempty"`
}

func networkToRecord(n *secgroup.Network) networkRecord {
	r := networkRecord{Current, n.Type, n.VPC, n.Prefixes, n.VLAN, n.Local, n.RoutingDomain, n.Gateways, StampOf(n.CreatedAt), StampOf(n.UpdatedAt)}
	if n.Local {
		r.need(LevelPlacement)
	}
	return r
}

func (r networkRecord) network(id string, rev int64) (*secgroup.Network, error) {
	if err := oneOf("type", r.Type, secgroup.NetworkPublic, secgroup.NetworkFlat, secgroup.NetworkVPC); err != nil {
		return nil, err
	}
	if r.Domain == "" {
		return nil, fmt.Errorf("domain: missing")
	}
	if r.Local && r.VLAN != 0 {
		return nil, fmt.Errorf("vlan: %d of a network that never leaves the host", r.VLAN)
	}
	if r.VLAN > 4094 {
		return nil, fmt.Errorf("vlan: %d is not 0-4094", r.VLAN)
	}
	return &secgroup.Network{ID: id, Type: r.Type, VPC: r.VPC, Prefixes: r.Prefixes, VLAN: r.VLAN, Local: r.Local, RoutingDomain: r.Domain,
		Gateways: r.Gateways, CreatedAt: r.Created.time(), UpdatedAt: r.Updated.time(), Revision: rev}, nil
}

type instanceRecord struct {
	Header
	Name    string `json:"name,omitempty"`
	Created Stamp  `json:"created,omitempty"`
	Updated Stamp  `json:"updated,omitempty"`
}

func instanceToRecord(i *secgroup.Instance) instanceRecord {
	return instanceRecord{Current, i.Name, StampOf(i.CreatedAt), StampOf(i.UpdatedAt)}
}

func (r instanceRecord) instance(ref secgroup.InstanceRef, rev int64) *secgroup.Instance {
	return &secgroup.Instance{InstanceRef: ref, Name: r.Name, CreatedAt: r.Created.time(), UpdatedAt: r.Updated.time(), Revision: rev}
}

type nicRecord struct {
	Header
	Account     string               `json:"account"`
	Instance    string               `json:"instance,omitempty"`
	Network     string               `json:"network"`
	MAC         string               `json:"mac"`
	Addresses   []netip.Addr         `json:"addresses,omitempty"`
	Allowed     []netip.Prefix       `json:"allowed,omitempty"`
	Enforcement secgroup.Enforcement `json:"enforcement,omitempty"`
	DHCPServer  bool                 `json:"dhcp_server,omitempty"`
	Hosts       []string             `json:"hosts,omitempty"`
	Created     Stamp                `json:"created,omitempty"`
	Updated     Stamp                `json:"updated,omitempty"`
}

func nicToRecord(n *secgroup.NIC) nicRecord {
	r := nicRecord{Current, n.Account, n.Instance, n.Network, net.HardwareAddr(n.MAC[:]).String(), n.Addresses,
		n.AllowedAddresses, n.Enforcement, n.DHCPServer, n.Hosts, StampOf(n.CreatedAt), StampOf(n.UpdatedAt)}
	if len(n.Hosts) > 0 {
		r.need(LevelPlacement)
	}
	return r
}

func (r nicRecord) nic(id string, rev int64) (*secgroup.NIC, error) {
	mac, err := net.ParseMAC(r.MAC)
	if err != nil || len(mac) != len(secgroup.MAC{}) {
		return nil, fmt.Errorf("mac: %q is no Ethernet address", r.MAC)
	}
	if r.Account == "" || r.Network == "" {
		return nil, fmt.Errorf("account and network: one is missing")
	}
	if err := oneOf("enforcement", r.Enforcement, "", secgroup.EnforcementOn, secgroup.EnforcementOff); err != nil {
		return nil, err
	}
	return &secgroup.NIC{ID: id, Account: r.Account, Instance: r.Instance, Network: r.Network, MAC: secgroup.MAC(mac),
		Addresses: r.Addresses, AllowedAddresses: r.Allowed, Enforcement: r.Enforcement, DHCPServer: r.DHCPServer, Hosts: r.Hosts,
		CreatedAt: r.Created.time(), UpdatedAt: r.Updated.time(), Revision: rev}, nil
}

type baselineRecord struct {
	Header
	Addresses []baselineAddressRecord `json:"addresses,omitempty"`
}

type baselineAddressRecord struct {
	Address     netip.Addr        `json:"address"`
	Protocol    secgroup.Protocol `json:"protocol"`
	Port        uint16            `json:"port"`
	Description string            `json:"description,omitempty"`
}

func baselineToRecord(b *secgroup.Baseline) baselineRecord {
	r := baselineRecord{Header: Current}
	for _, a := range b.Addresses {
		r.Addresses = append(r.Addresses, baselineAddressRecord(a))
	}
	return r
}

func (r baselineRecord) baseline(rev int64) (*secgroup.Baseline, error) {
	b := &secgroup.Baseline{Revision: rev}
	for _, a := range r.Addresses {
		if !a.Address.IsValid() {
			return nil, fmt.Errorf("addresses: one has no address")
		}
		if err := oneOf("protocol", a.Protocol, secgroup.ProtocolTCP, secgroup.ProtocolUDP); err != nil {
			return nil, err
		}
		b.Addresses = append(b.Addresses, secgroup.BaselineAddress(a))
	}
	return b, nil
}
