package main

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
)

type baselineCmd struct {
	Show baselineShow `cmd:"" aliases:"get" default:"1" help:"Show the services that every NIC may reach."`
	Put  baselinePut  `cmd:"" aliases:"set" help:"Replace the services that every NIC may reach."`
}

type baselineShow struct{}

func (baselineShow) Run(s *session) error {
	var meta client.Meta
	b, err := s.api.Baseline(s.ctx, client.Into(&meta))
	if err != nil {
		return err
	}
	rows := make([][]cell, 0, len(b.Addresses))
	for _, a := range b.Addresses {
		rows = append(rows, []cell{text(a.Address), text(a.Protocol), text(strconv.Itoa(a.Port)), text(a.Description)})
	}
	if s.out.documents {
		return s.show(meta)
	}
	s.out.line("%s", s.out.paint(bold, "Always, for every NIC:"))
	for _, sentence := range b.Guard {
		s.out.line("- %s", sentence)
	}
	if len(rows) == 0 {
		s.out.line("Nothing else.")
		return nil
	}
	s.out.line("\n%s", s.out.paint(bold, "Besides, every NIC may reach:"))
	s.out.table([]string{"ADDRESS", "PROTOCOL", "PORT", "DESCRIPTION"}, rows)
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

func (c baselinePut) bodyFlags() flagNames {
	names := flagNames{"/addresses": "--allow"}
	for i, allow := range c.Allow {
		for _, field := range []string{"", "/address", "/protocol", "/port"} {
			names[fmt.Sprintf("/addresses/%d%s", i, field)] = "--allow " + allow
		}
	}
	return names
}

func (c baselinePut) Run(s *session) error {
	b := client.Baseline{Addresses: []client.BaselineAddress{}}
	for _, allow := range c.Allow {
		a, err := parseService(allow)
		if err != nil {
			return usageError(fmt.Sprintf("--allow %s: %v", allow, err))
		}
		b.Addresses = append(b.Addresses, a)
	}
	var meta client.Meta
	if _, err := s.api.PutBaseline(s.ctx, b, s.mutation(&meta)...); err != nil {
		return err
	}
	return s.done(meta, "the baseline allows %d services", len(b.Addresses))
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
