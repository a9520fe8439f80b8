package look

import (
	"strconv"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Activity is "ringfence activity": the last hour, as the API that is asked knows it.
type Activity struct{ session.ListFlags }

func (Activity) Help() string {
	return `One line for each half minute, as far as the API process that is asked has seen:
packets that began a connection, packets that were dropped while somebody looked,
and for how long hosts were behind the policy. A "-" is not known.

Example:
  ringfence activity`
}

func (c Activity) Run(t *session.Tenant) error {
	var meta client.Meta
	a, err := t.API.Activity(t.Ctx, t.Account, client.Into(&meta))
	if err != nil {
		return err
	}
	known := func(n *uint64) output.Cell {
		if n == nil {
			return output.Text("-")
		}
		return output.Text(strconv.FormatUint(*n, 10))
	}
	rows := make([][]output.Cell, len(a.Points))
	for i, p := range a.Points {
		lag := output.Text("-")
		if p.Lag != nil {
			lag = output.Text(strconv.FormatFloat(*p.Lag, 'f', 2, 64) + "s")
		}
		rows[i] = []output.Cell{output.Text(p.At.Local().Format("15:04:05")), known(p.Connections), known(p.Drops), lag, output.Text(strconv.Itoa(p.Silent))}
	}
	return t.List(meta, []string{"TIME", "CONNECTIONS", "DROPS", "BEHIND", "SILENT HOSTS"}, nil, rows)
}
