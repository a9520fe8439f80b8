// Package secgroup is the domain of Ringfence: accounts, networks, instances,
// NICs, security groups and their rules, and the Snapshot that holds all of
// them at one store revision. It parses and validates; it does no I/O.
package secgroup

import (
	"net/netip"
	"time"
)

// GroupRef names a security group. Group ids are unique within an account.
type GroupRef struct{ Account, ID string }

// InstanceRef names an instance (VM). Instance ids are unique within an account.
type InstanceRef struct{ Account, ID string }

// RuleRef names a rule. Rule ids are unique within a group.
type RuleRef struct {
	Group GroupRef
	ID    string
}

// Account owns groups, instances and NICs.
type Account struct {
	ID                  string
	EgressPolicyDefault EgressPolicy    // of groups made without one
	EgressOpenGuard     EgressOpenGuard // what happens to a change that opens egress
	Quotas              map[string]int  // name → limit; absent = the service's default
	CreatedAt           time.Time
	UpdatedAt           time.Time
	Revision            int64 // etcd revision that last changed it
}

// EgressOpenGuard says what happens to a change that would open egress.
type EgressOpenGuard string

// The egress guards.
const (
	GuardAllow EgressOpenGuard = "allow"
	GuardBlock EgressOpenGuard = "block"
)

// NetworkType is the kind of an L3 network.
type NetworkType string

// The network types.
const (
	NetworkPublic NetworkType = "public"
	NetworkFlat   NetworkType = "flat"
	NetworkVPC    NetworkType = "vpc"
)

// Network is an L3 network. RoutingDomain is always set in a stored network:
// "vpc:<vpc>" or "provider" unless the operator chose another.
type Network struct {
	ID            string
	Type          NetworkType
	VPC           string // for NetworkVPC
	Prefixes      []netip.Prefix
	VLAN          uint16 // on the wire between hosts: 0-4094, 0 = untagged
	Local         bool   // it never leaves the host, and has no VLAN
	RoutingDomain string
	Gateways      []netip.Addr
	CreatedAt     time.Time
	UpdatedAt     time.Time
	Revision      int64
}

// Instance is a VM.
type Instance struct {
	InstanceRef
	Name      string
	CreatedAt time.Time
	UpdatedAt time.Time
	Revision  int64
}

// MAC is an Ethernet address.
type MAC [6]byte

// Enforcement says whether a NIC is filtered.
type Enforcement string

// The enforcement modes.
const (
	EnforcementOn  Enforcement = "on"
	EnforcementOff Enforcement = "off"
)

// NIC is a VM's interface. ID equals the OVS Interface's external_ids:iface-id
// and is unique in the whole platform.
type NIC struct {
	ID               string
	Account          string
	Instance         string // instance id in Account, or "" for none
	Network          string
	MAC              MAC
	Addresses        []netip.Addr
	AllowedAddresses []netip.Prefix // widen anti-spoofing; a /32 or /128 is a member address too
	Enforcement      Enforcement
	DHCPServer       bool     // the admin marked it: it may act as a DHCP server
	Hosts            []string // where it may be plugged, the one that it is delivered at first; none = anywhere
	CreatedAt        time.Time
	UpdatedAt        time.Time
	Revision         int64
}

// EgressPolicy says when a group restricts its NICs' egress.
type EgressPolicy string

// The egress policies, docs/semantics.md §3.
const (
	EgressAuto   EgressPolicy = "auto"
	EgressListed EgressPolicy = "listed"
	EgressOpen   EgressPolicy = "open"
)

// NetworkScope says in which networks a group acts.
type NetworkScope string

// The network scopes.
const (
	ScopeAny    NetworkScope = "any"
	ScopeListed NetworkScope = "listed"
)

// Group is a security group with its rules, which are sorted by id.
type Group struct {
	GroupRef
	Name         string // unique in the account
	Description  string
	Tags         map[string]string
	IsDefault    bool
	EgressPolicy EgressPolicy
	NetworkScope NetworkScope
	Networks     []string // for ScopeListed; sorted
	Rules        []Rule   // sorted by ID
	Shares       []Share  // sorted by account; each allows something
	// Closed marks a group of which nothing is known but that it is there. It
	// judges the NICs that it is attached to, and is nobody's peer: rules that
	// name it match nothing.
	Closed    bool
	CreatedAt time.Time
	UpdatedAt time.Time
	Revision  int64
}

// Direction is relative to the VM.
type Direction string

// The directions.
const (
	Ingress Direction = "ingress"
	Egress  Direction = "egress"
)

// Family is the IP family a rule acts on.
type Family string

// The families.
const (
	FamilyAny  Family = "any"
	FamilyIPv4 Family = "ipv4"
	FamilyIPv6 Family = "ipv6"
)

// Protocol is "all", "tcp", "udp", "icmp" or a decimal IP protocol number
// "0".."255". "icmp" is ICMP on IPv4 and ICMPv6 on IPv6.
type Protocol string

// The named protocols.
const (
	ProtocolAll  Protocol = "all"
	ProtocolTCP  Protocol = "tcp"
	ProtocolUDP  Protocol = "udp"
	ProtocolICMP Protocol = "icmp"
)

// Origin says who made a rule.
type Origin string

// The origins.
const (
	OriginUser    Origin = "user"
	OriginDefault Origin = "default"
)

// Opt8 is an optional byte: an ICMP type or code, absent in its zero value.
type Opt8 struct {
	Value uint8
	Set   bool
}

// Some8 returns a present Opt8.
func Some8(v uint8) Opt8 { return Opt8{v, true} }

// Rule allows traffic; there is no deny and no priority. It is comparable.
type Rule struct {
	ID          string
	Direction   Direction
	Family      Family
	Protocol    Protocol
	PortMin     uint16 // 0 = absent; tcp and udp only
	PortMax     uint16 // 0 = absent
	ICMPType    Opt8
	ICMPCode    Opt8
	RemoteCIDR  netip.Prefix // zero = absent; host bits cleared
	RemoteGroup GroupRef     // zero = absent
	Description string
	Enabled     bool
	Origin      Origin
	Revision    int64 // etcd revision that last changed this rule
}

// Attachment ties a group to an instance (all its NICs, present and future)
// or to one NIC: exactly one of Instance and NIC is set. The instance belongs
// to Group.Account; so does the NIC, unless the group is shared. It is comparable.
type Attachment struct {
	Group    GroupRef
	Instance string
	NIC      string
	// Holder is the NIC's account if that is another than the group's. It is no
	// part of the attachment's name: changes carry it for those who see them
	// without the NIC, and lists of attachments leave it out.
	Holder string
	// Closed marks an attachment of which nothing is known but that it is there:
	// nobody judges its NICs, so that nothing passes. It is no part of the name
	// either.
	Closed bool
}

// Baseline holds the operator's additions to the guard (docs/semantics.md §4).
type Baseline struct {
	Addresses []BaselineAddress
	Revision  int64
}

// BaselineAddress lets every NIC reach one exact service: address, protocol
// (tcp or udp) and port.
type BaselineAddress struct {
	Address     netip.Addr
	Protocol    Protocol
	Port        uint16
	Description string
}
