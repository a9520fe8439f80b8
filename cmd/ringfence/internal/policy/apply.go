package policy

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/google/uuid"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Export is "ringfence export": print groups and rules as a file for apply.
type Export struct{}

func (Export) Help() string {
	return `Prints the account's groups with all their rules, as YAML that 'ringfence apply' takes.

Example:
  ringfence export -a acme > policy.yaml`
}

func (Export) Run(t *session.Tenant) error {
	groups, err := client.Collect(t.API.Groups(t.Ctx, t.Account, client.Limit(1000)))
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
	t.Out.Line("%s", string(text[:len(text)-1]))
	return nil
}

// Apply is "ringfence apply": make groups and rules as a file says, all at once.
type Apply struct {
	File  string `short:"f" required:"" placeholder:"FILE" complete:"file" help:"The groups, YAML or JSON; - is the standard input."`
	Prune bool   `help:"Delete the groups that are not in the file, and the rules that name them. The default group stays."`
}

func (Apply) Help() string {
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

func (c Apply) Run(t *session.Tenant, std output.Stdio) error {
	file, err := readPolicy(c.File, std.In)
	if err != nil {
		return err
	}
	groups, err := client.Collect(t.API.Groups(t.Ctx, t.Account, client.Limit(1000)))
	if err != nil {
		return err
	}
	d := diff(t, file, groups, c.Prune)
	if !t.Out.Documents {
		for _, l := range d.lines {
			t.Out.Line("%s", t.Out.Paint(map[string]output.Style{"+": output.Green, "-": output.Red, "~": output.Yellow}[l.sign], l.sign+" "+l.text))
		}
	}
	switch n := len(d.ops); {
	case n == 0:
		if t.Out.Documents {
			return t.Out.Raw([]byte(`{"results":[]}`))
		}
		t.Out.Line("nothing to change")
		return nil
	case n > client.MaxOperations:
		return fmt.Errorf("%d changes are too many for one transaction, which takes %d: apply part of the file first", n, client.MaxOperations)
	}
	var meta client.Meta
	opts := t.Mutation(&meta, client.IdempotencyKey(uuid.NewString()))
	_, err = t.API.Transaction(t.Ctx, t.Account, d.ops, opts...)
	var lost *client.TransportError
	if errors.As(err, &lost) && t.Ctx.Err() == nil { // safe: the key is the same
		_, err = t.API.Transaction(t.Ctx, t.Account, d.ops, opts...)
	}
	if err != nil {
		return file.source.locate(err, d.from)
	}
	return t.Done(meta, "made %d changes at once", len(d.ops))
}
