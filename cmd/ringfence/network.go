package main

import (
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
)

type networkCmd struct {
	List   networkList   `cmd:"" aliases:"ls" help:"List all networks."`
	Show   networkShow   `cmd:"" aliases:"get" help:"Show a network."`
	Put    networkPut    `cmd:"" aliases:"create" help:"Make or replace a network."`
	Delete networkDelete `cmd:"" aliases:"rm" help:"Delete a network without NICs."`
}

type networkList struct{}

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
		})
	}
	return s.list(meta, []string{"ID", "TYPE", "PREFIXES", "VLAN", "ROUTING DOMAIN", "GATEWAYS"}, rows)
}

func vlan(v int) string {
	if v == 0 {
		return "untagged"
	}
	return strconv.Itoa(v)
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
		[2]string{"revision", strconv.FormatInt(n.Revision, 10)})
}

type networkPut struct {
	ID            string   `arg:"" help:"The platform's own id of the network."`
	Type          string   `enum:"public,flat,vpc" default:"flat" placeholder:"TYPE" help:"public, flat or vpc."`
	VPC           string   `name:"vpc" placeholder:"ID" help:"The VPC, for type vpc."`
	Prefix        []string `placeholder:"CIDR" help:"A prefix of the network. Repeatable."`
	VLAN          int      `name:"vlan" placeholder:"0-4094" help:"VLAN on the uplink; 0 = untagged."`
	RoutingDomain string   `placeholder:"NAME" help:"Where its addresses are unique, if not the VPC or 'provider'."`
	Gateway       []string `placeholder:"ADDR" help:"A router that may send router advertisements. Repeatable."`
}

func (networkPut) Help() string {
	return `Examples:
  ringfence network put net-1 --prefix 10.0.0.0/24 --prefix fd00::/64
  ringfence network put blue --type vpc --vpc v1 --prefix 192.168.0.0/24 --vlan 101 --gateway 192.168.0.1`
}

func (networkPut) bodyFlags() flagNames {
	return flagNames{
		"/type": "--type", "/vpc": "--vpc", "/prefixes": "--prefix", "/prefixes/0": "--prefix", "/prefixes/1": "second --prefix",
		"/vlan": "--vlan", "/routing_domain": "--routing-domain", "/gateways": "--gateway", "/gateways/0": "--gateway",
	}
}

func (c networkPut) Run(s *session) error {
	var meta client.Meta
	spec := client.NetworkSpec{
		Type: c.Type, VPC: c.VPC, Prefixes: notNil(c.Prefix), VLAN: c.VLAN, RoutingDomain: c.RoutingDomain, Gateways: c.Gateway,
	}
	if _, err := s.api.PutNetwork(s.ctx, c.ID, spec, s.mutation(&meta)...); err != nil {
		return err
	}
	return s.saved(meta, "network %s", c.ID)
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
