package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
)

type networkCmd struct {
	List   networkList   `cmd:"" aliases:"ls" help:"List all networks."`
	Show   networkShow   `cmd:"" aliases:"get,describe" help:"Show a network."`
	Put    networkPut    `cmd:"" aliases:"create" help:"Make or replace a network."`
	Delete networkDelete `cmd:"" aliases:"rm,remove" help:"Delete a network without NICs."`
}

type networkList struct{ listFlags }

func (networkList) Run(s *session) error {
	var meta client.Meta
	networks, err := client.Collect(s.api.Networks(s.ctx, client.Into(&meta)))
	if err != nil {
		return err
	}
	rows := make([][]cell, 0, len(networks))
	for _, n := range networks {
		rows = append(rows, []cell{
			text(n.ID), text(n.Type), text(strings.Join(n.Prefixes, " ")), text(vlan(n.VLAN)),
			text(n.RoutingDomain), text(strings.Join(n.Gateways, " ")),
			styled(strings.Join(warnings(n), "; "), yellow), timeCell(n.CreatedAt), timeCell(n.UpdatedAt), revisionCell(n.Revision),
		})
	}
	return s.list(meta, []string{"ID", "TYPE", "PREFIXES", "VLAN", "ROUTING DOMAIN", "GATEWAYS"}, append([]string{"WARNINGS"}, wideTimes...), rows)
}

func vlan(v int) string {
	switch v {
	case 0:
		return "untagged"
	case client.NoVLAN:
		return "none"
	}
	return strconv.Itoa(v)
}

// parseVLAN is the inverse of vlan.
func parseVLAN(s string) (int, error) {
	switch s {
	case "untagged":
		return 0, nil
	case "none":
		return client.NoVLAN, nil
	}
	v, err := strconv.ParseUint(s, 10, 12)
	if err != nil {
		return 0, usageError(fmt.Sprintf("--vlan: %q is not 0 to 4094, or none for a network that never leaves the host", s))
	}
	return int(v), nil
}

type networkShow struct {
	ID string `arg:"" complete:"network" help:"The network."`
}

func (c networkShow) Run(s *session) error {
	var meta client.Meta
	n, err := s.api.Network(s.ctx, c.ID, client.Into(&meta))
	if err != nil {
		return err
	}
	return s.show(meta,
		[2]string{"id", n.ID},
		[2]string{"type", n.Type},
		[2]string{"vpc", n.VPC},
		[2]string{"prefixes", strings.Join(n.Prefixes, " ")},
		[2]string{"vlan", vlan(n.VLAN)},
		[2]string{"routing domain", n.RoutingDomain},
		[2]string{"gateways", strings.Join(n.Gateways, " ")},
		[2]string{"revision", strconv.FormatInt(n.Revision, 10)},
		[2]string{"warnings", strings.Join(warnings(n), "; ")})
}

type networkPut struct {
	ID            string   `arg:"" help:"The platform's own id of the network."`
	Type          string   `enum:"public,flat,vpc" default:"flat" placeholder:"TYPE" help:"public, flat or vpc."`
	VPC           string   `name:"vpc" placeholder:"ID" help:"The VPC, for type vpc."`
	Prefix        []string `placeholder:"CIDR" help:"A prefix of the network. Repeatable."`
	VLAN          string   `name:"vlan" default:"0" placeholder:"0-4094|none" help:"VLAN between hosts, which one routing domain may have; 0 = untagged, none = the network never leaves the host."`
	RoutingDomain string   `placeholder:"NAME" help:"Where its addresses are unique, if not the VPC or 'provider'."`
	Gateway       []string `placeholder:"ADDR" help:"A router that may send router advertisements. Repeatable."`
}

func (networkPut) Help() string {
	return `Examples:
  ringfence network put net-1 --prefix 10.0.0.0/24 --prefix fd00::/64
  ringfence network put blue --type vpc --vpc v1 --prefix 192.168.0.0/24 --vlan 101 --gateway 192.168.0.1
  ringfence network put red --type vpc --vpc v2 --prefix 192.168.0.0/24 --vlan none`
}

func (networkPut) bodyFlags() flagNames {
	return flagNames{
		"/type": "--type", "/vpc": "--vpc", "/prefixes": "--prefix", "/prefixes/0": "--prefix", "/prefixes/1": "second --prefix",
		"/vlan": "--vlan", "/routing_domain": "--routing-domain", "/gateways": "--gateway", "/gateways/0": "--gateway",
	}
}

func (c networkPut) Run(s *session) error {
	var meta client.Meta
	number, err := parseVLAN(c.VLAN)
	if err != nil {
		return err
	}
	spec := client.NetworkSpec{
		Type: c.Type, VPC: c.VPC, Prefixes: notNil(c.Prefix), VLAN: number, RoutingDomain: c.RoutingDomain, Gateways: c.Gateway,
	}
	if _, err := s.api.PutNetwork(s.ctx, c.ID, spec, s.mutation(&meta)...); err != nil {
		return err
	}
	return s.saved(meta, "network %s", c.ID)
}

// warnings says what is wrong with a network.
func warnings(n client.Network) []string {
	var all []string
	for _, w := range n.Warnings {
		all = append(all, w.Detail+": "+strings.Join(w.Networks, ", "))
	}
	return all
}

// notNil makes an absent list an empty one, for JSON.
func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

type networkDelete struct {
	ID string `arg:"" complete:"network" help:"The network."`
}

func (c networkDelete) Run(s *session) error {
	var meta client.Meta
	if err := s.api.DeleteNetwork(s.ctx, c.ID, s.mutation(&meta)...); err != nil {
		return err
	}
	return s.done(meta, "deleted network %s", c.ID)
}
