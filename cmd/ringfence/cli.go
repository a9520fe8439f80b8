package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/debug"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/look"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/platform"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/policy"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// cli is the grammar of the command line.
type cli struct {
	Dev        devCmd        `cmd:"" group:"servers" help:"Run everything on this machine: embedded etcd, API and controller."`
	API        apiCmd        `cmd:"" name:"api" group:"servers" help:"Run an API server."`
	Controller controllerCmd `cmd:"" group:"servers" help:"Run this host's controller."`
	Relay      relayCmd      `cmd:"" group:"servers" help:"Run a relay, which hands hosts their share of the policy."`
	Config     configCmd     `cmd:"" group:"servers" help:"Configuration files of api, controller and relay."`
	Token      tokenCmd      `cmd:"" group:"servers" help:"Tokens of the API, in its file."`
	Etcd       etcdCmd       `cmd:"" group:"servers" help:"The etcd that keeps everything."`

	Group   policy.Group   `cmd:"" aliases:"groups,sg,security-group" group:"policy" help:"Security groups."`
	Rule    policy.Rule    `cmd:"" aliases:"rules" group:"policy" help:"Rules of a security group."`
	Attach  policy.Attach  `cmd:"" group:"policy" help:"Attach groups to a NIC or an instance."`
	Detach  policy.Detach  `cmd:"" group:"policy" help:"Detach groups from a NIC or an instance."`
	Account policy.Account `cmd:"" aliases:"accounts" group:"policy" help:"Accounts (admin)."`
	Apply   policy.Apply   `cmd:"" group:"policy" help:"Make groups and rules as a file says, all at once."`
	Export  policy.Export  `cmd:"" group:"policy" help:"Print groups and rules as a file for apply."`

	Network  platform.Network  `cmd:"" aliases:"networks" group:"platform" help:"L3 networks (admin)."`
	Instance platform.Instance `cmd:"" aliases:"instances" group:"platform" help:"Instances (VMs)."`
	NIC      platform.NIC      `cmd:"" name:"nic" aliases:"nics" group:"platform" help:"NICs."`
	Baseline platform.Baseline `cmd:"" group:"platform" help:"Services that every NIC may reach (admin)."`

	Activity       look.Activity       `cmd:"" group:"look" help:"What went on in the last hour."`
	Matrix         look.Matrix         `cmd:"" group:"look" help:"Who may talk to whom, rule by rule."`
	Members        look.Members        `cmd:"" aliases:"member" group:"look" help:"Addresses that a group stands for in rules."`
	References     look.References     `cmd:"" group:"look" help:"Rules and attachments that use a group."`
	EffectiveRules look.EffectiveRules `cmd:"" group:"look" help:"Every rule that judges a NIC."`
	Host           look.Host           `cmd:"" aliases:"hosts" group:"look" help:"Hosts and their controllers (admin)."`
	Cluster        look.Cluster        `cmd:"" group:"look" help:"What the hosts and APIs understand together (admin)."`
	Realization    look.Realization    `cmd:"" group:"look" help:"Is a revision in force on all hosts it concerns?"`
	Events         look.Events         `cmd:"" aliases:"event" group:"look" help:"What happens to an account, as it happens."`
	Audit          look.Audit          `cmd:"" group:"look" help:"Who changed what, and when."`
	Status         look.Status         `cmd:"" group:"look" help:"The API, the hosts and what lags, at a glance."`
	WhoAmI         look.WhoAmI         `cmd:"" name:"whoami" group:"look" help:"Whose the token is, and what it is good for."`

	Trace         debug.Trace         `cmd:"" group:"debug" help:"What becomes of a packet, and why."`
	Flows         debug.Flows         `cmd:"" group:"debug" help:"The installed flows of an account's NICs."`
	Drops         debug.Drops         `cmd:"" group:"debug" help:"What is dropped of the packets of an account's NICs, and why."`
	Connections   debug.Connections   `cmd:"" aliases:"conns" group:"debug" help:"The open connections of an account's NICs."`
	ExplainCookie debug.ExplainCookie `cmd:"" group:"debug" help:"What the flow with a cookie is for."`

	Completion completionCmd `cmd:"" group:"other" help:"Print a shell completion script."`
	Version    versionCmd    `cmd:"" group:"other" help:"Print the version, and that of an API."`
	Man        manCmd        `cmd:"" group:"other" hidden:"" help:"Write the manual pages into a directory."`

	// Last, so that a server may have a flag of a client's name (see relayFlags).
	session.Flags
}

// exitState says that kong wanted to end the process (after --help).
type exitState struct {
	done   bool
	status int
}

// newParser builds the parser of c. It panics if the grammar is wrong, which a
// test would find.
func newParser(c *cli, std output.Stdio, more ...kong.Option) (*kong.Kong, *exitState) {
	c.Flags.Version = version
	exited := &exitState{}
	parser := kong.Must(c, append([]kong.Option{
		kong.Name("ringfence"),
		kong.Description("Security groups for VMs, enforced on Open vSwitch."),
		kong.Writers(std.Out, std.Err),
		kong.Exit(func(status int) {
			if !exited.done {
				*exited = exitState{true, status}
			}
		}),
		kong.ExplicitGroups([]kong.Group{
			{Key: "servers", Title: "Servers:"},
			{Key: "policy", Title: "Policy:"},
			{Key: "platform", Title: "Platform:"},
			{Key: "look", Title: "Look:"},
			{Key: "debug", Title: "Debug:"},
			{Key: "other", Title: "Other:"},
			{Key: "client", Title: "Client flags:"},
		}),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, FlagsLast: true, WrapUpperBound: 110}),
		kong.Help(helpPrinter),
		kong.ValueFormatter(helpText),
		kong.Vars{"version": version},
		kong.Bind(environment(os.Getenv), &c.Flags),
	}, more...)...)
	return parser, exited
}

// helpPrinter shows the client's flags once, in the help of ringfence itself.
func helpPrinter(options kong.HelpOptions, ctx *kong.Context) error {
	n := ctx.Selected()
	for _, child := range ctx.Model.Children {
		child.Aliases = nil // for who types them, not for who looks
	}
	if n != nil {
		for _, f := range ctx.Model.Flags {
			f.Hidden = f.Hidden || isClientFlag(f)
		}
		for _, child := range n.Children { // one heading, and not their parent's
			child.Group = &kong.Group{Key: "commands", Title: "Commands:"}
		}
	}
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	switch {
	case n == nil:
		fmt.Fprint(ctx.Stdout, startHere)
	case !isServer(n):
		fmt.Fprint(ctx.Stdout, "\nThe client flags (--server, --account, --output, --wait, …) are in 'ringfence --help'.\n")
	}
	return nil
}

// helpText is what the help says of a flag or an argument: with its default, if it
// does not tell of that itself.
func helpText(v *kong.Value) string {
	help := kong.DefaultHelpValueFormatter(v)
	if v.HasDefault && v.Default != "" && !v.IsBool() && !strings.Contains(v.Help, "Default") {
		help = strings.TrimSuffix(help, ".") + ". Default " + v.Default + "."
	}
	return help
}

const startHere = `
Start here:
  ringfence dev                            # a whole Ringfence on this machine
  ringfence status
  export RINGFENCE_ACCOUNT=acme
  ringfence group create web
  ringfence rule add web --proto tcp --port 443 --from-cidr 0.0.0.0/0
  ringfence attach web --nic nic-1 --wait 10s

Exit status: 0 done, 1 refused or failed, 2 wrong command line, 3 done but a host did not apply it within --wait
(of status: a host is behind or away, or something else needs somebody).
`

// isServer reports whether n is one of the commands that serve.
func isServer(n *kong.Node) bool { return n.Group != nil && n.Group.Key == "servers" }

// isClientFlag reports whether f is one of globals.
func isClientFlag(f *kong.Flag) bool { return f.Group != nil && f.Group.Key == "client" }
