package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/cmd/bench/internal/ovnproc"
	"github.com/ringfence/ringfence/internal/ovsproc"
)

// ovn has OVN enforce the policy: groups are port groups, their members address sets, rules
// ACLs that track connections.
func (s *site) ovn(ctx context.Context, want policy) error {
	if err := s.plug(ctx, ovsproc.Bridge{Name: s.name, FailMode: "secure"}); err != nil {
		return err
	}
	o, err := ovnproc.Start(ctx, s.ovs)
	if err != nil {
		return err
	}
	s.control = o
	if err := o.Nbctl(ctx, append([]string{"--wait=sb"}, s.ovnPolicy(want)...)...); err != nil {
		return err
	}
	if err := o.StartController(ctx, s.name); err != nil {
		return err
	}
	for _, v := range []vm{s.client, s.server} { // until then their packets are dropped
		if err := o.Nbctl(ctx, "wait-until", "Logical_Switch_Port", v.tap, "up=true"); err != nil {
			return err
		}
	}
	return o.Nbctl(ctx, "--wait=hv", "sync")
}

// ovnPolicy are ovn-nbctl's commands, of one transaction.
func (s *site) ovnPolicy(want policy) (commands []string) {
	add := func(words ...string) { commands = append(append(commands, "--"), words...) }
	add("ls-add", "net")
	for _, v := range []vm{s.client, s.server} {
		from := v.mac.String()
		for _, addr := range v.addrs {
			from += " " + addr.String()
		}
		add("lsp-add", "net", v.tap)
		add("lsp-set-addresses", v.tap, from)
		if v.tap == s.client.tap {
			from += " " + clients.String()
		}
		add("lsp-set-port-security", v.tap, from)
	}
	add("pg-add", "all", s.client.tap, s.server.tap)
	add("pg-add", "client", s.client.tap)
	add("pg-add", "server", s.server.tap)
	acl := func(group, direction, priority, match, verdict string) {
		add("--type=port-group", "acl-add", group, direction, priority, match, verdict)
	}
	acl("all", "to-lport", "1001", "outport == @all && ip", "drop")
	acl("all", "from-lport", "1001", "inport == @all && ip", "drop")
	for _, group := range []string{"client", "server"} {
		to := ""
		if want.listed {
			to = " && tcp && ip4.dst == 10.0.0.0/8"
		}
		acl(group, "from-lport", "1002", "inport == @"+group+" && ip4"+to, "allow-related")
	}
	for _, r := range want.rules() {
		match := "outport == @server && ip4"
		switch r.group {
		case "":
		case "client", "server":
			match += " && ip4.src == $" + r.group + "_ip4"
		default:
			match += " && ip4.src == $" + r.group
		}
		if r.from > 0 {
			match += fmt.Sprintf(" && %[1]s && %[1]s.dst >= %[2]d && %[1]s.dst <= %[3]d", r.protocol, r.from, r.to)
		}
		acl("server", "to-lport", "1002", match, "allow-related")
	}
	for g, id := range remotes() {
		var addrs []string
		for i := range want.members {
			addrs = append(addrs, fmt.Sprintf("%q", want.member(g, i)))
		}
		add("create", "Address_Set", "name="+id, "addresses="+strings.Join(addrs, ","))
	}
	return commands[1:]
}
