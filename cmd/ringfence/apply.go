package main

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/google/uuid"

	"github.com/ringfence/ringfence/client"
)

type exportCmd struct{}

func (exportCmd) Help() string {
	return `Prints the account's groups with all their rules, as YAML that 'ringfence apply' takes.

Example:
  ringfence export -a acme > policy.yaml`
}

func (exportCmd) Run(t *tenant) error {
	groups, err := client.Collect(t.api.Groups(t.ctx, t.account, client.Limit(1000)))
	if err != nil {
		return err
	}
	for _, g := range groups {
		t.Known[g.ID] = g
	}
	file := policyFile{Groups: []policyGroup{}}
	for _, g := range groups {
		file.Groups = append(file.Groups, exported(t, g))
	}
	text, err := yaml.MarshalWithOptions(file, yaml.IndentSequence(true))
	if err != nil {
		return err
	}
	t.out.line("%s", string(text[:len(text)-1]))
	return nil
}

type applyCmd struct {
	File  string `short:"f" required:"" placeholder:"FILE" complete:"file" help:"The groups, YAML or JSON; - is the standard input."`
	Prune bool   `help:"Delete the groups that are not in the file, and the rules that name them. The default group stays."`
}

func (applyCmd) Help() string {
	return `Makes groups and their rules as a file says: shows the difference, then makes all changes at once or none.
Groups are known by their names. Their rules are those of the file, all others go; attachments stay as they are.
A file may come to at most 100 changes.

  groups:
    - name: web
      rules:
        - {direction: ingress, protocol: tcp, port_min: 443, remote_cidr: 0.0.0.0/0}
    - name: db
      egress_policy: listed
      rules:
        - {direction: ingress, protocol: tcp, port_min: 5432, remote_group: web}

Examples:
  ringfence apply -a acme -f policy.yaml --dry-run
  ringfence export -a acme | ringfence apply -a copy -f -`
}

func (c applyCmd) Run(t *tenant, std stdio) error {
	file, err := readPolicy(c.File, std.in)
	if err != nil {
		return err
	}
	groups, err := client.Collect(t.api.Groups(t.ctx, t.account, client.Limit(1000)))
	if err != nil {
		return err
	}
	d := diff(t, file, groups, c.Prune)
	if !t.out.documents {
		for _, l := range d.lines {
			t.out.line("%s", t.out.paint(map[string]style{"+": green, "-": red, "~": yellow}[l.sign], l.sign+" "+l.text))
		}
	}
	switch n := len(d.ops); {
	case n == 0:
		if t.out.documents {
			return t.out.raw([]byte(`{"results":[]}`))
		}
		t.out.line("nothing to change")
		return nil
	case n > client.MaxOperations:
		return fmt.Errorf("%d changes are too many for one transaction, which takes %d: apply part of the file first", n, client.MaxOperations)
	}
	var meta client.Meta
	opts := t.mutation(&meta, client.IdempotencyKey(uuid.NewString()))
	_, err = t.api.Transaction(t.ctx, t.account, d.ops, opts...)
	var lost *client.TransportError
	if errors.As(err, &lost) && t.ctx.Err() == nil { // safe: the key is the same
		_, err = t.api.Transaction(t.ctx, t.account, d.ops, opts...)
	}
	if err != nil {
		return err
	}
	return t.done(meta, "made %d changes at once", len(d.ops))
}
