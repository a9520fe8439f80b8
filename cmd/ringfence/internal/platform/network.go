package platform

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Network is "ringfence network": L3 networks (admin).
type Network struct {
	List   networkList   `cmd:"" aliases:"ls" help:"List all networks."`
	Show   networkShow   `cmd:"" aliases:"get,describe" help:"Show a network."`
	Put    networkPut    `cmd:"" aliases:"create" help:"Make or replace a network."`
	Delete networkDelete `cmd:"" aliases:"rm,remove" help:"Delete a network without NICs."`
}

type networkList struct{ session.ListFlags }

func (networkList) Run(s *session.Session) error {
	var meta client.Meta
	return session.ListAll(s, &meta, s.API.Networks(s.Ctx, client.Into(&meta)),
		[]string{"ID", "TYPE", "PREFIXES", "VLAN", "ROUTING DOMAIN", "GATEWAYS"}, append([]string{"WARNINGS"}, output.WideTimes...), func(n client.Network) []output.Cell {
			return []output.Cell{
				output.Text(n.ID), output.Text(n.Type), output.Text(strings.Join(n.Prefixes, " ")), output.Text(vlan(n.VLAN)),
				output.Text(n.RoutingDomain), output.Text(strings.Join(n.Gateways, " ")),
				output.Styled(strings.Join(NetworkWarnings(n), "; "), output.Yellow), output.TimeCell(n.CreatedAt), output.TimeCell(n.UpdatedAt), output.RevisionCell(n.Revision),
			}
		})
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
		return 0, failure.Usage(fmt.Sprintf("--vlan: %q is not 0 to 4094, or none for a network that never leaves the host", s))
	}
	return int(v), nil
}

type networkShow struct {
	ID string `arg:"" complete:"network" help:"The network."`
}

func (c networkShow) Run(s *session.Session) error {
	var meta client.Meta
	n, err := s.API.Network(s.Ctx, c.ID, client.Into(&meta))
	if err != nil {
		return err
	}
	return s.Show(meta,
		[2]string{"id", n.ID},
		[2]string{"type", n.Type},
		[2]string{"vpc", n.VPC},
		[2]string{"prefixes", strings.Join(n.Prefixes, " ")},
		[2]string{"vlan", vlan(n.VLAN)},
		[2]string{"routing domain", n.RoutingDomain},
		[2]string{"gateways", strings.Join(n.Gateways, " ")},
		[2]string{"revision", strconv.FormatInt(n.Revision, 10)},
		[2]string{"warnings", strings.Join(NetworkWarnings(n), "; ")})
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

func (networkPut) BodyFlags() failure.FlagNames {
	return failure.FlagNames{
		"/type": "--type", "/vpc": "--vpc", "/prefixes": "--prefix", "/prefixes/0": "--prefix", "/prefixes/1": "second --prefix",
		"/vlan": "--vlan", "/routing_domain": "--routing-domain", "/gateways": "--gateway", "/gateways/0": "--gateway",
	}
}

func (c networkPut) Run(s *session.Session) error {
	var meta client.Meta
	number, err := parseVLAN(c.VLAN)
	if err != nil {
		return err
	}
	spec := client.NetworkSpec{
		Type: c.Type, VPC: c.VPC, Prefixes: notNil(c.Prefix), VLAN: number, RoutingDomain: c.RoutingDomain, Gateways: c.Gateway,
	}
	if _, err := s.API.PutNetwork(s.Ctx, c.ID, spec, s.Mutation(&meta)...); err != nil {
		return err
	}
	return s.Saved(meta, "network %s", c.ID)
}

// NetworkWarnings says what is wrong with a network.
func NetworkWarnings(n client.Network) []string {
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

func (c networkDelete) Run(s *session.Session) error {
	var meta client.Meta
	if err := s.API.DeleteNetwork(s.Ctx, c.ID, s.Mutation(&meta)...); err != nil {
		return err
	}
	return s.Done(meta, "deleted network %s", c.ID)
}
