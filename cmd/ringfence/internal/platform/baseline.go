package platform

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Baseline is "ringfence baseline": services that every NIC may reach (admin).
type Baseline struct {
	Show baselineShow `cmd:"" aliases:"get" default:"1" help:"Show the services that every NIC may reach."`
	Put  baselinePut  `cmd:"" aliases:"set" help:"Replace the services that every NIC may reach."`
}

type baselineShow struct{}

func (baselineShow) Run(s *session.Session) error {
	var meta client.Meta
	b, err := s.API.Baseline(s.Ctx, client.Into(&meta))
	if err != nil {
		return err
	}
	rows := make([][]output.Cell, 0, len(b.Addresses))
	for _, a := range b.Addresses {
		rows = append(rows, []output.Cell{output.Text(a.Address), output.Text(a.Protocol), output.Text(strconv.Itoa(a.Port)), output.Text(a.Description)})
	}
	if s.Out.Documents {
		return s.Show(meta)
	}
	s.Out.Line("%s", s.Out.Paint(output.Bold, "Always, for every NIC:"))
	for _, sentence := range b.Guard {
		s.Out.Line("- %s", sentence)
	}
	if len(rows) == 0 {
		s.Out.Line("Nothing else.")
		return nil
	}
	s.Out.Line("\n%s", s.Out.Paint(output.Bold, "Besides, every NIC may reach:"))
	s.Out.Table([]string{"ADDRESS", "PROTOCOL", "PORT", "DESCRIPTION"}, rows)
	return nil
}

type baselinePut struct {
	Allow []string `sep:"none" placeholder:"ADDR,PROTO,PORT" help:"A service, such as 169.254.169.254,tcp,80. Repeatable; none at all clears the list."`
}

func (baselinePut) Help() string {
	return `Examples:
  ringfence baseline put --allow 169.254.169.254,tcp,80 --allow fd00::53,udp,53
  ringfence baseline put                     # nothing but the guard's own needs`
}

func (c baselinePut) BodyFlags() failure.FlagNames {
	names := failure.FlagNames{"/addresses": "--allow"}
	for i, allow := range c.Allow {
		for _, field := range []string{"", "/address", "/protocol", "/port"} {
			names[fmt.Sprintf("/addresses/%d%s", i, field)] = "--allow " + allow
		}
	}
	return names
}

func (c baselinePut) Run(s *session.Session) error {
	b := client.Baseline{Addresses: []client.BaselineAddress{}}
	for _, allow := range c.Allow {
		a, err := parseService(allow)
		if err != nil {
			return failure.Usage(fmt.Sprintf("--allow %s: %v", allow, err))
		}
		b.Addresses = append(b.Addresses, a)
	}
	var meta client.Meta
	if _, err := s.API.PutBaseline(s.Ctx, b, s.Mutation(&meta)...); err != nil {
		return err
	}
	return s.Done(meta, "the baseline allows %d services", len(b.Addresses))
}

// parseService reads "ADDR,PROTO,PORT".
func parseService(s string) (client.BaselineAddress, error) {
	parts := strings.Split(s, ",")
	if len(parts) != 3 {
		return client.BaselineAddress{}, fmt.Errorf("want ADDR,PROTO,PORT")
	}
	addr, err := netip.ParseAddr(parts[0])
	if err != nil {
		return client.BaselineAddress{}, fmt.Errorf("%q is no IP address", parts[0])
	}
	port, err := strconv.Atoi(parts[2])
	if err != nil {
		return client.BaselineAddress{}, fmt.Errorf("%q is no port", parts[2])
	}
	return client.BaselineAddress{Address: addr.String(), Protocol: parts[1], Port: port}, nil
}
