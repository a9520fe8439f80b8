package main

import (
	"fmt"
	"strconv"

	"github.com/ringfence/ringfence/client"
)

type realizationCmd struct {
	Group     string `complete:"group" placeholder:"GROUP" xor:"of" help:"Only the hosts that this group concerns; needs an account, not the admin."`
	OfAccount bool   `xor:"of" help:"Only the hosts with NICs of the account; needs an account, not the admin."`
	Revision  int64  `help:"The revision asked about; else the latest."`
}

func (realizationCmd) Help() string {
	return `A revision is realised when every host it concerns has installed the flows, the switch has confirmed them and
open connections are judged again. With --wait the answer is held until then; exit status 3 if a host lags.

Example:
  ringfence realization --revision 8812 --wait 10s`
}

func (c realizationCmd) Run(s *session, g *globals) error {
	var (
		meta client.Meta
		r    client.Realization
		err  error
	)
	switch {
	case c.Group != "" || c.OfAccount:
		var t *tenant
		if t, err = g.tenant(s); err != nil {
			return err
		}
		r, err = c.own(t, &meta)
	default:
		r, err = s.api.Realization(s.ctx, c.Revision, s.wait, client.Into(&meta))
	}
	if err != nil {
		return err
	}
	if s.out.documents {
		if err := s.out.raw(meta.Raw); err != nil {
			return err
		}
	} else {
		printRealization(s, r)
	}
	if len(r.Lagging) > 0 && s.wait > 0 {
		return &laggingError{revision: r.Revision, hosts: r.Lagging}
	}
	return nil
}

// own asks about the account, or one of its groups.
func (c realizationCmd) own(t *tenant, meta *client.Meta) (client.Realization, error) {
	if c.OfAccount {
		return t.api.AccountRealization(t.ctx, t.account, c.Revision, t.wait, client.Into(meta))
	}
	id, err := t.groupID(c.Group)
	if err != nil {
		return client.Realization{}, err
	}
	return t.api.GroupRealization(t.ctx, t.account, id, c.Revision, t.wait, client.Into(meta))
}

// printRealization prints the state and the hosts that lag.
func printRealization(s *session, r client.Realization) {
	style := green
	if len(r.Lagging) > 0 {
		style = yellow
	}
	s.out.line("%s", s.out.paint(style, fmt.Sprintf("revision %d: %s", r.Revision, r.State)))
	if len(r.Lagging) == 0 {
		return
	}
	rows := make([][]cell, 0, len(r.Lagging))
	for _, h := range r.Lagging {
		rows = append(rows, []cell{text(h.Host), text(strconv.FormatInt(h.AppliedRevision, 10)), text(h.Reason)})
	}
	s.out.table([]string{"LAGGING", "APPLIED", "REASON"}, rows)
}
