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

// NIC is "ringfence nic": NICs.
type NIC struct {
	List   nicList   `cmd:"" aliases:"ls" help:"List the account's NICs."`
	Show   nicShow   `cmd:"" aliases:"get,describe" help:"Show a NIC: who judges it, where it is, whether it is ready."`
	Put    nicPut    `cmd:"" aliases:"create" help:"Make or replace a NIC (admin)."`
	Delete nicDelete `cmd:"" aliases:"rm,remove" help:"Delete a NIC (admin)."`
}

type nicList struct {
	session.ListFlags
	Instance string `complete:"instance" placeholder:"ID" help:"Only this instance's."`
	Network  string `complete:"network" placeholder:"ID" help:"Only those in this network."`
}

var nicHeader = []string{"ID", "INSTANCE", "NETWORK", "MAC", "ADDRESSES", "GROUPS", "HOST", "READY"}

// nicWide are what -o wide shows besides.
var nicWide = []string{"ENFORCEMENT", "ALLOWED ADDRESSES", "HOSTS", "APPLIED", "NOTES", "REVISION"}

func (c nicList) Run(t *session.Tenant) error {
	var meta client.Meta
	nics, err := client.Collect(t.API.NICs(t.Ctx, t.Account, client.Into(&meta),
		client.Query("instance", c.Instance), client.Query("network", c.Network)))
	if err != nil {
		return err
	}
	if t.Out.Documents {
		return t.Show(meta)
	}
	return t.List(meta, nicHeader, nicWide, nicRows(t, nics))
}

// nicRows shows NICs under nicHeader, with the names of their groups.
func nicRows(t *session.Tenant, nics []client.NIC) [][]output.Cell {
	rows := make([][]output.Cell, 0, len(nics))
	for _, n := range nics {
		var groups []string
		for _, g := range n.EffectiveGroups {
			groups = append(groups, t.GroupName(g.ID))
		}
		ready := output.YesNo(n.Ready)
		if n.Enforcement == "off" {
			ready = output.Styled("unfiltered", output.Yellow)
		}
		rows = append(rows, []output.Cell{
			output.Text(n.ID), output.Text(n.Instance), output.Text(n.Network), output.Text(n.MAC), output.Text(strings.Join(n.Addresses, " ")),
			output.Text(strings.Join(groups, " ")), output.Text(n.Host), ready,
			output.Text(n.Enforcement), output.Text(strings.Join(n.AllowedAddresses, " ")), output.Text(strings.Join(n.Hosts, " ")), output.Text(positive(n.RealizedRevision)),
			output.Styled(strings.Trim(conflict(n)+"; "+nicWarnings(n), "; "), output.Yellow), output.RevisionCell(n.Revision),
		})
	}
	return rows
}

type nicShow struct {
	ID string `arg:"" complete:"nic" help:"The NIC."`
}

func (c nicShow) Run(t *session.Tenant) error {
	var meta client.Meta
	n, err := t.API.NIC(t.Ctx, t.Account, c.ID, client.Into(&meta))
	if err != nil {
		return err
	}
	if t.Out.Documents {
		return t.Show(meta)
	}
	var groups []string
	for _, g := range n.EffectiveGroups {
		groups = append(groups, fmt.Sprintf("%s (by %s)", t.GroupName(g.ID), g.Via))
	}
	egress := "open: it may send anything"
	if n.EgressRestricted {
		egress = "restricted to what rules allow" + because(t, n.Because)
	}
	return t.Show(meta,
		[2]string{"id", n.ID},
		[2]string{"instance", n.Instance},
		[2]string{"network", n.Network},
		[2]string{"mac", n.MAC},
		[2]string{"addresses", strings.Join(n.Addresses, " ")},
		[2]string{"allowed addresses", strings.Join(n.AllowedAddresses, " ")},
		[2]string{"enforcement", n.Enforcement},
		[2]string{"groups", strings.Join(groups, ", ")},
		[2]string{"egress", egress},
		[2]string{"may be at", strings.Join(n.Hosts, " ")},
		[2]string{"host", n.Host},
		[2]string{"conflict", conflict(n)},
		[2]string{"warnings", nicWarnings(n)},
		[2]string{"ready", t.Out.Paint(output.YesNo(n.Ready).Style, output.YesNo(n.Ready).Text)},
		[2]string{"realized revision", positive(n.RealizedRevision)})
}

// conflict says what is wrong with where a NIC is plugged.
func conflict(n client.NIC) string {
	if n.Conflict == nil {
		return ""
	}
	return n.Conflict.Detail + ": it is at " + strings.Join(n.Conflict.Hosts, ", ")
}

// nicWarnings says what goes wrong with a NIC that is served.
func nicWarnings(n client.NIC) string {
	var all []string
	for _, w := range n.Warnings {
		all = append(all, w.Detail)
	}
	return strings.Join(all, "; ")
}

// positive is empty for a revision that is not there.
func positive(revision int64) string {
	if revision == 0 {
		return ""
	}
	return strconv.FormatInt(revision, 10)
}

// because says what restricts a NIC's egress.
func because(t *session.Tenant, b *client.Because) string {
	switch {
	case b == nil:
		return ""
	case b.Rule == "":
		return ", by the policy of group " + t.GroupName(b.Group)
	default:
		return ", by rule " + b.Rule + " of group " + t.GroupName(b.Group)
	}
}

type nicPut struct {
	ID             string   `arg:"" help:"The NIC's id: the external_ids:iface-id of its OVS interface."`
	Instance       string   `complete:"instance" placeholder:"ID" help:"The instance it belongs to."`
	Network        string   `required:"" complete:"network" placeholder:"ID" help:"The network it is in."`
	MAC            string   `name:"mac" required:"" placeholder:"MAC" help:"Its Ethernet address."`
	Address        []string `placeholder:"ADDR" help:"An IPv4 or IPv6 address of it. Repeatable."`
	AllowedAddress []string `placeholder:"ADDR" help:"An address or prefix it may use besides. Repeatable."`
	Enforcement    string   `enum:"on,off" default:"on" placeholder:"on|off" help:"off: unfiltered, for router appliances."`
	Host           []string `complete:"host" placeholder:"HOST" help:"A host where it may be plugged, anywhere if none is given. Repeatable: during a migration the host where it runs first, then the other."`
	DHCPServer     bool     `name:"dhcp-server" help:"It may act as a DHCP server."`
}

func (nicPut) Help() string {
	return `Examples:
  ringfence nic put nic-1 --instance vm-1 --network net-1 --mac 02:00:00:00:00:05 --address 10.0.0.5 --address fd00::5
  ovs-vsctl add-port br-int tap1 -- set Interface tap1 external_ids:iface-id=nic-1`
}

func (nicPut) BodyFlags() failure.FlagNames {
	return failure.FlagNames{
		"/account": "--account", "/instance": "--instance", "/network": "--network", "/mac": "--mac",
		"/addresses": "--address", "/addresses/0": "--address", "/addresses/1": "second --address",
		"/allowed_addresses": "--allowed-address", "/allowed_addresses/0": "--allowed-address", "/enforcement": "--enforcement",
		"/hosts": "--host", "/hosts/0": "--host", "/hosts/1": "second --host",
	}
}

func (c nicPut) Run(t *session.Tenant) error {
	var meta client.Meta
	spec := client.NICSpec{
		Account: t.Account, Instance: c.Instance, Network: c.Network, MAC: c.MAC, Addresses: notNil(c.Address),
		AllowedAddresses: c.AllowedAddress, Enforcement: c.Enforcement, DHCPServer: c.DHCPServer, Hosts: c.Host,
	}
	if _, err := t.API.PutNIC(t.Ctx, c.ID, spec, t.Mutation(&meta)...); err != nil {
		return err
	}
	return t.Saved(meta, "NIC %s", c.ID)
}

type nicDelete struct {
	ID string `arg:"" complete:"nic" help:"The NIC."`
}

func (nicDelete) Help() string {
	return "Its addresses are safe to use again when the revision is realised: add --wait 10s."
}

func (c nicDelete) Run(s *session.Session) error {
	var meta client.Meta
	if err := s.API.DeleteNIC(s.Ctx, c.ID, s.Mutation(&meta)...); err != nil {
		return err
	}
	return s.Done(meta, "deleted NIC %s", c.ID)
}
