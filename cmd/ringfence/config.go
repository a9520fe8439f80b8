package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/settings"
)

// configFlags say which file a server has its flags from.
type configFlags struct {
	Config string `type:"existingfile" placeholder:"FILE" complete:"file" help:"YAML file of flags that are not given here: its keys are their names."`
}

// environment looks variables up, as os.Getenv does.
type environment func(name string) string

// BeforeResolve has kong take what the command line does not say from the
// environment and the file.
func (configFlags) BeforeResolve(ctx *kong.Context, at *kong.Path, env environment) error {
	path := settings.Path(ctx, at.Command, env)
	resolver, err := settings.NewResolver(at.Command, path, env)
	if err != nil {
		if _, ok := errors.AsType[*settings.Faults](err); !ok {
			return fmt.Errorf("--config: %w", err)
		}
		return err
	}
	ctx.AddResolver(resolver)
	return nil
}

type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Say what is wrong with a configuration file."`
}

type configCheckCmd struct {
	File string `arg:"" type:"existingfile" complete:"file" help:"The file."`
	For  string `enum:",api,controller,relay" default:"" placeholder:"api|controller|relay" help:"Whose it is. Default: whose flags its keys are."`
}

func (configCheckCmd) Help() string {
	return `Reads a file as the server would at its start, without what the environment and a command line would add, and with the files that
it names: certificates, keys, tokens. Nothing is opened, connected to or changed. Exit status 1 if there is a fault.

Examples:
  ringfence config check /etc/ringfence/api.yaml
  ringfence config check --for controller new.yaml && mv new.yaml /etc/ringfence/controller.yaml`
}

// checked is what a check prints as JSON.
type checked struct {
	File   string           `json:"file"`
	For    string           `json:"for"`
	Valid  bool             `json:"valid"`
	Faults []settings.Fault `json:"faults"`
}

func (c *configCheckCmd) Run(std output.Stdio, g *session.Flags) error {
	server, err := c.server()
	if err == nil {
		err = checkFile(server, c.File)
	}
	if out := g.Printer(std.Out); out.Documents {
		return printChecked(out, server, c.File, err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(std.Out, "%s is valid for ringfence %s\n", c.File, server)
	return nil
}

// server is whose file it is.
func (c *configCheckCmd) server() (string, error) {
	if c.For != "" {
		return c.For, nil
	}
	file, err := settings.Read(c.File)
	if err != nil {
		return "", err
	}
	parser, _ := newParser(&cli{}, output.Stdio{Out: io.Discard, Err: io.Discard})
	best, most, others := "", -1, false
	for _, server := range []string{"api", "controller", "relay"} {
		switch n := file.Knows(childNamed(parser.Model.Node, server)); {
		case n > most:
			best, most, others = server, n, false
		case n == most && server != "relay": // of whose flags most are an API's, too
			others = true
		}
	}
	if others {
		return "", failure.Usage(c.File + ": this may be a file of several: say --for api or --for controller")
	}
	return best, nil
}

// checkFile reads a file as the server does that it is of.
func checkFile(server, file string) error {
	var c cli
	alone := environment(func(string) string { return "" })
	parser, _ := newParser(&c, output.Stdio{Out: io.Discard, Err: io.Discard}, kong.Bind(alone))
	if _, err := parser.Parse([]string{server, "--config", file}); err != nil {
		if faults, ok := errors.AsType[*settings.Faults](err); ok {
			return faults
		}
		return fmt.Errorf("%s: %s", file, asKeys(strings.Replace(err.Error(), "missing flags:", "it lacks", 1)))
	}
	check := c.API.check
	switch server {
	case "controller":
		check = c.Controller.check
	case "relay":
		check = c.Relay.check
	}
	err := check()
	if err == nil {
		return nil
	}
	faults := &settings.Faults{Path: file}
	for line := range strings.SplitSeq(asKeys(err.Error()), "\n") {
		faults.List = append(faults.List, settings.Fault{Text: line})
	}
	return faults
}

// asKeys is what is said of flags, said of the keys of a file.
func asKeys(text string) string { return strings.ReplaceAll(text, "--", "") }

// errChecked ends a check whose faults have been printed.
var errChecked = errors.New("the file has faults")

func printChecked(out *output.Printer, server, file string, err error) error {
	if _, ok := errors.AsType[failure.Usage](err); ok {
		return err
	}
	doc := checked{File: file, For: server, Valid: err == nil, Faults: []settings.Fault{}}
	var faults *settings.Faults
	switch {
	case errors.As(err, &faults):
		doc.Faults = faults.List
	case err != nil:
		doc.Faults = []settings.Fault{{Text: err.Error()}}
	}
	if printErr := out.Value(doc); printErr != nil || err == nil {
		return printErr
	}
	return errChecked
}
