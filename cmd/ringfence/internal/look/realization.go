package look

import (
	"fmt"
	"strconv"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Realization is "ringfence realization": is a revision in force on all hosts it concerns?
type Realization struct {
	Group     string `complete:"group" placeholder:"GROUP" xor:"of" help:"Only the hosts that this group concerns; needs an account, not the admin."`
	OfAccount bool   `xor:"of" help:"Only the hosts with NICs of the account; needs an account, not the admin."`
	Revision  int64  `help:"The revision asked about; else the latest."`
}

func (Realization) Help() string {
	return `A revision is realised when every host it concerns has installed the flows, the switch has confirmed them and
open connections are judged again. With --wait the answer is held until then; exit status 3 if a host lags.

Example:
  ringfence realization --revision 8812 --wait 10s`
}

func (c Realization) Run(s *session.Session, g *session.Flags) error {
	var (
		meta client.Meta
		r    client.Realization
		err  error
	)
	switch {
	case c.Group != "" || c.OfAccount:
		var t *session.Tenant
		if t, err = g.Tenant(s); err != nil {
			return err
		}
		r, err = c.own(t, &meta)
	default:
		r, err = s.API.Realization(s.Ctx, c.Revision, s.Wait, client.Into(&meta))
	}
	if err != nil {
		return err
	}
	if s.Out.Documents {
		if err := s.Out.Raw(meta.Raw); err != nil {
			return err
		}
	} else {
		printRealization(s, r)
	}
	if len(r.Lagging) > 0 && s.Wait > 0 {
		return &failure.Lagging{Revision: r.Revision, Hosts: r.Lagging}
	}
	return nil
}

// own asks about the account, or one of its groups.
func (c Realization) own(t *session.Tenant, meta *client.Meta) (client.Realization, error) {
	if c.OfAccount {
		return t.API.AccountRealization(t.Ctx, t.Account, c.Revision, t.Wait, client.Into(meta))
	}
	id, err := t.GroupID(c.Group)
	if err != nil {
		return client.Realization{}, err
	}
	return t.API.GroupRealization(t.Ctx, t.Account, id, c.Revision, t.Wait, client.Into(meta))
}

// printRealization prints the state and the hosts that lag.
func printRealization(s *session.Session, r client.Realization) {
	style := output.Green
	if len(r.Lagging) > 0 {
		style = output.Yellow
	}
	s.Out.Line("%s", s.Out.Paint(style, fmt.Sprintf("revision %d: %s", r.Revision, r.State)))
	if len(r.Lagging) == 0 {
		return
	}
	rows := make([][]output.Cell, 0, len(r.Lagging))
	for _, h := range r.Lagging {
		rows = append(rows, []output.Cell{output.Text(h.Host), output.Text(strconv.FormatInt(h.AppliedRevision, 10)), output.Text(h.Reason)})
	}
	s.Out.Table([]string{"LAGGING", "APPLIED", "REASON"}, rows)
}
