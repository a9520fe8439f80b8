package policy

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Rule is "ringfence rule": rules of a security group.
type Rule struct {
	List    ruleList    `cmd:"" aliases:"ls" help:"List a group's rules."`
	Show    ruleShow    `cmd:"" aliases:"get,describe" help:"Show a rule."`
	Add     ruleAdd     `cmd:"" aliases:"create" help:"Add a rule: allow something."`
	Update  ruleUpdate  `cmd:"" aliases:"set" help:"Change a rule."`
	Delete  ruleDelete  `cmd:"" aliases:"rm,remove" help:"Delete rules."`
	Replace ruleReplace `cmd:"" help:"Replace all rules of a group at once, from JSON."`
}

type ruleList struct {
	session.ListFlags
	Group  string        `arg:"" complete:"group" help:"The group's name or id."`
	Hits   bool          `help:"Show what each rule let through, as the hosts have counted."`
	Unused time.Duration `placeholder:"720h" help:"Only rules that are not known to have let anything through for so long."`
}

func (c ruleList) Run(t *session.Tenant) error {
	id, err := t.GroupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	list := t.API.Rules(t.Ctx, t.Account, id, client.Into(&meta))
	if c.Hits || c.Unused > 0 {
		since := time.Time{}
		if c.Unused > 0 {
			since = time.Now().Add(-c.Unused)
		}
		list = t.API.RuleHits(t.Ctx, t.Account, id, since, client.Into(&meta))
	}
	rules, err := client.Collect(list)
	if err != nil {
		return err
	}
	if t.Out.Documents {
		return t.Show(meta)
	}
	header, rows := session.RuleHeader, t.RuleRows(rules)
	if c.Hits || c.Unused > 0 {
		header = append(slices.Clone(header), "HITS", "LAST HIT", "COUNTED SINCE")
		for i, r := range rules {
			rows[i] = slices.Insert(rows[i], len(session.RuleHeader), hitCells(r.Hits)...)
		}
	}
	return t.List(meta, header, session.RuleWide, rows)
}

// hitCells show what a rule let through. Hosts that do not answer may have more.
func hitCells(h *client.Hits) []output.Cell {
	if h == nil {
		return []output.Cell{{}, {}, {}}
	}
	count, last, since := strconv.FormatUint(h.Packets, 10), "never", "nobody counts"
	if !h.Complete {
		count += " or more"
	}
	if h.LastHitAt != nil {
		last = output.Ago(*h.LastHitAt)
	}
	if h.CountedSince != nil {
		since = output.Ago(*h.CountedSince)
	}
	return []output.Cell{output.Text(count), output.Text(last), output.Text(since)}
}

type ruleShow struct {
	Group string `arg:"" complete:"group" help:"The group's name or id."`
	Rule  string `arg:"" complete:"rule" help:"The rule's id."`
}

func (c ruleShow) Run(t *session.Tenant) error {
	id, err := t.GroupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	r, err := t.API.Rule(t.Ctx, t.Account, id, c.Rule, client.Into(&meta))
	if err != nil {
		return err
	}
	if t.Out.Documents {
		return t.Show(meta)
	}
	return t.Show(meta,
		[2]string{"id", r.ID},
		[2]string{"group", t.GroupName(r.Group)},
		[2]string{"allows", t.Sentence(r)},
		[2]string{"description", r.Description},
		[2]string{"enabled", output.YesNo(r.Enabled).Text},
		[2]string{"origin", r.Origin},
		[2]string{"inert", deref(r.Inert)},
		[2]string{"revision", strconv.FormatInt(r.Revision, 10)})
}

type ruleAdd struct {
	Group string `arg:"" complete:"group" help:"The group's name or id."`
	ruleFlags
	ID string `name:"id" help:"An id of your own; else the server makes one."`
}

func (ruleAdd) Help() string {
	return `A rule allows; there is no deny and no order. Without --proto it allows every protocol, without --port every
port, without --from or --to every peer. A cidr and a group together mean the intersection.
openstack's and aws' --protocol, --dst-port 80:90, --ethertype, --direction, --remote-ip and --remote-group are taken, too.

Examples:
  ringfence rule add web --ingress --proto tcp --port 443 --from-cidr 0.0.0.0/0
  ringfence rule add db --proto tcp --port 5432 --from-group web
  ringfence rule add db --proto tcp --port 8000-8100 --from-cidr 10.0.0.0/8 --from-group web
  ringfence rule add web --egress --proto udp --port 53 --to-cidr 10.0.0.2/32
  ringfence rule add web --ingress --proto icmp --family ipv4 --icmp-type 8 --icmp-code 0`
}

func (c ruleAdd) Run(t *session.Tenant) error {
	spec, err := c.spec(t)
	if err != nil {
		return err
	}
	group, err := t.GroupID(c.Group)
	if err != nil {
		return err
	}
	var (
		meta client.Meta
		r    client.Rule
	)
	if c.ID != "" {
		r, err = t.API.PutRule(t.Ctx, t.Account, group, c.ID, spec, t.Mutation(&meta, client.CreateOnly())...)
	} else {
		r, err = t.API.CreateRule(t.Ctx, t.Account, group, spec, t.Mutation(&meta)...)
	}
	if err != nil {
		return err
	}
	if meta.Status == 200 && !meta.DryRun {
		return t.Done(meta, "group %s has this rule already: %s", c.Group, r.ID)
	}
	return t.Saved(meta, "rule %s: %s", r.ID, t.Sentence(r))
}

type ruleUpdate struct {
	Group string `arg:"" complete:"group" help:"The group's name or id."`
	Rule  string `arg:"" complete:"rule" help:"The rule's id."`
	ruleFlags
	Enable bool `xor:"enabled" help:"Put the rule in force again."`
}

func (ruleUpdate) Help() string {
	return `Changes what the flags name and leaves the rest.

Examples:
  ringfence rule update web RULE --port 8443
  ringfence rule update web RULE --disable`
}

func (c ruleUpdate) Run(t *session.Tenant) error {
	patch, err := c.patch(t)
	if err != nil {
		return err
	}
	if c.Enable {
		patch["enabled"] = true
	}
	if len(patch) == 0 {
		return failure.Usage("rule update: give at least one flag to change something")
	}
	group, err := t.GroupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	r, err := t.API.PatchRule(t.Ctx, t.Account, group, c.Rule, patch, t.Mutation(&meta)...)
	if err != nil {
		return err
	}
	return t.Saved(meta, "rule %s: %s", r.ID, t.Sentence(r))
}

type ruleDelete struct {
	Group string   `arg:"" complete:"group" help:"The group's name or id."`
	Rules []string `arg:"" name:"rule" complete:"rule" help:"The ids of the rules."`
}

func (c ruleDelete) Run(t *session.Tenant) error {
	group, err := t.GroupID(c.Group)
	if err != nil {
		return err
	}
	for _, id := range c.Rules {
		var meta client.Meta
		if err := t.API.DeleteRule(t.Ctx, t.Account, group, id, t.Mutation(&meta)...); err != nil {
			return err
		}
		if err := t.Done(meta, "deleted rule %s of group %s", id, c.Group); err != nil {
			return err
		}
	}
	return nil
}

type ruleReplace struct {
	Group string `arg:"" complete:"group" help:"The group's name or id."`
	File  string `short:"f" required:"" complete:"file" help:"JSON file with the list of rules; - reads standard input."`
}

func (ruleReplace) Help() string {
	return `The file holds a JSON list of rules as the API takes them; all become the group's rules in one revision.

Example:
  echo '[{"direction":"ingress","protocol":"tcp","port_min":443}]' | ringfence rule replace web -f -`
}

func (c ruleReplace) Run(t *session.Tenant, std output.Stdio) error {
	rules, err := readRules(c.File, std.In)
	if err != nil {
		return fmt.Errorf("--file: %w", err)
	}
	group, err := t.GroupID(c.Group)
	if err != nil {
		return err
	}
	var meta client.Meta
	if err := t.API.ReplaceRules(t.Ctx, t.Account, group, rules, t.Mutation(&meta)...); err != nil {
		return err
	}
	return t.Done(meta, "group %s now has %d rules", c.Group, len(rules))
}

// readRules reads a JSON list of rules, from a file or standard input.
func readRules(file string, stdin io.Reader) ([]client.RuleSpec, error) {
	in := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	dec := json.NewDecoder(in)
	dec.DisallowUnknownFields()
	rules := []client.RuleSpec{}
	if err := dec.Decode(&rules); err != nil {
		return nil, fmt.Errorf("want a JSON list of rules: %w", err)
	}
	if rest := strings.TrimSpace(trailing(dec)); rest != "" {
		return nil, fmt.Errorf("text after the list: %.20q", rest)
	}
	return rules, nil
}

// trailing returns the start of what a decoder has buffered and not read.
func trailing(dec *json.Decoder) string {
	b, _ := io.ReadAll(io.LimitReader(dec.Buffered(), 64))
	return string(b)
}
