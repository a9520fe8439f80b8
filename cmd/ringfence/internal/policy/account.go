package policy

import (
	"sort"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Account is "ringfence account": accounts (admin).
type Account struct {
	List   accountList   `cmd:"" aliases:"ls" help:"List all accounts."`
	Show   accountShow   `cmd:"" aliases:"get,describe" help:"Show an account."`
	Put    accountPut    `cmd:"" aliases:"create" help:"Make an account with its default group, or replace its settings."`
	Delete accountDelete `cmd:"" aliases:"rm,remove" help:"Delete an account that owns nothing."`
}

type accountList struct{ session.ListFlags }

func (accountList) Run(s *session.Session) error {
	var meta client.Meta
	return session.ListAll(s, &meta, s.API.Accounts(s.Ctx, client.Into(&meta)),
		[]string{"ID", "EGRESS POLICY", "EGRESS GUARD"}, output.WideTimes, func(a client.Account) []output.Cell {
			return []output.Cell{output.Text(a.ID), output.Text(a.Settings.EgressPolicyDefault), output.Text(a.Settings.EgressOpenGuard), output.TimeCell(a.CreatedAt), output.TimeCell(a.UpdatedAt), output.RevisionCell(a.Revision)}
		})
}

type accountShow struct {
	ID string `arg:"" complete:"account" help:"The account."`
}

func (c accountShow) Run(s *session.Session) error {
	var meta client.Meta
	a, err := s.API.Account(s.Ctx, c.ID, client.Into(&meta))
	if err != nil {
		return err
	}
	return s.Show(meta,
		[2]string{"id", a.ID},
		[2]string{"egress policy of new groups", a.Settings.EgressPolicyDefault},
		[2]string{"egress guard", a.Settings.EgressOpenGuard},
		[2]string{"quotas", quotas(a.Quotas)},
		[2]string{"revision", strconv.FormatInt(a.Revision, 10)})
}

// quotas shows each as "name used/limit", or "name used" if there is no limit.
func quotas(qs map[string]client.Quota) string {
	parts := make([]string, 0, len(qs))
	for name, q := range qs {
		limit := ""
		if q.Limit == nil {
			q.Limit = q.Default
		}
		if q.Limit != nil {
			limit = "/" + strconv.Itoa(*q.Limit)
		}
		parts = append(parts, name+" "+strconv.Itoa(q.Used)+limit)
	}
	sort.Strings(parts)
	return strings.Join(parts, ", ")
}

type accountPut struct {
	ID           string         `arg:"" help:"The platform's own id of the account."`
	EgressPolicy string         `enum:"auto,listed,open," default:"" placeholder:"POLICY" help:"Egress policy of groups made without one: auto, listed or open."`
	EgressGuard  string         `enum:"allow,block," default:"" placeholder:"GUARD" help:"What happens to a change that would open egress: allow or block."`
	Quota        map[string]int `placeholder:"NAME=N" help:"A limit, such as groups=100. Repeatable."`
}

func (accountPut) Help() string {
	return `Examples:
  ringfence account put acme
  ringfence account put acme --egress-policy listed --egress-guard block`
}

func (accountPut) BodyFlags() failure.FlagNames {
	return failure.FlagNames{"/settings/egress_policy_default": "--egress-policy", "/settings/egress_open_guard": "--egress-guard", "/quotas": "--quota"}
}

func (c accountPut) Run(s *session.Session) error {
	var meta client.Meta
	spec := client.AccountSpec{Quotas: c.Quota}
	if c.EgressPolicy != "" || c.EgressGuard != "" {
		spec.Settings = &client.Settings{EgressPolicyDefault: c.EgressPolicy, EgressOpenGuard: c.EgressGuard}
	}
	if _, err := s.API.PutAccount(s.Ctx, c.ID, spec, s.Mutation(&meta)...); err != nil {
		return err
	}
	return s.Saved(meta, "account %s", c.ID)
}

type accountDelete struct {
	ID string `arg:"" complete:"account" help:"The account."`
}

func (c accountDelete) Run(s *session.Session) error {
	var meta client.Meta
	if err := s.API.DeleteAccount(s.Ctx, c.ID, s.Mutation(&meta)...); err != nil {
		return err
	}
	return s.Done(meta, "deleted account %s", c.ID)
}
