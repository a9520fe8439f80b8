package look

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

type hostDelete struct {
	ID string `arg:"" complete:"host" help:"The host."`
}

func (hostDelete) Help() string {
	return `Changes wait for a host that is away, and --wait says that it lags, for it may still enforce what it had: see first that the machine is
off. It is said what is not waited for any more; with --dry-run nothing else is done. One that is still alive is back with its next report.

Examples:
  ringfence host delete h7 --dry-run
  ringfence host delete h7`
}

func (c hostDelete) Run(s *session.Session) error {
	var meta client.Meta
	h, err := s.API.Host(s.Ctx, c.ID)
	if err != nil {
		return err
	}
	r, err := s.API.Realization(s.Ctx, 0, 0)
	if err != nil {
		return err
	}
	if !s.Dry {
		if err := s.API.ForgetHost(s.Ctx, c.ID, client.Into(&meta)); err != nil {
			return err
		}
	}
	meta.DryRun = s.Dry
	if s.Out.Documents {
		return s.Out.Value(forgottenHost(h, r))
	}
	return s.Done(meta, "%s", forgottenHost(h, r))
}

// forgotten is what a host that is forgotten was waited for.
type forgotten struct {
	Host            string   `json:"id"`
	Alive           bool     `json:"alive"`
	AppliedRevision int64    `json:"applied_revision"`
	Revision        int64    `json:"revision"` // the latest
	Lagged          bool     `json:"lagged"`   // it had not applied all that concerns it
	Reason          string   `json:"reason,omitempty"`
	NICs            []string `json:"nics"` // that it had plugged

	seen string
}

func forgottenHost(h client.Host, r client.Realization) forgotten {
	f := forgotten{Host: h.ID, Alive: h.Alive, AppliedRevision: h.AppliedRevision, Revision: r.Revision, NICs: []string{}, seen: output.Ago(h.LastSeen)}
	for _, n := range h.NICs {
		f.NICs = append(f.NICs, n.ID)
	}
	slices.Sort(f.NICs)
	for _, l := range r.Lagging {
		if l.Host == h.ID {
			f.Lagged, f.Reason = true, l.Reason
		}
	}
	return f
}

// String says it in a sentence or two.
func (f forgotten) String() string {
	nics := "it had no NIC plugged"
	if n := len(f.NICs); n > 0 {
		const most = 5
		nics = "its NICs were " + strings.Join(f.NICs[:min(n, most)], ", ")
		if n > most {
			nics += fmt.Sprintf(" and %d more", n-most)
		}
	}
	switch {
	case f.Alive:
		return fmt.Sprintf("forgot host %s, which is alive, at revision %d: it is back with its next report; %s", f.Host, f.AppliedRevision, nics)
	case f.Lagged:
		return fmt.Sprintf("forgot host %s, last seen %s: nobody waits any more for it to apply what came after revision %d (%s); %s. "+
			"If its machine still runs, what was revoked since may still pass there", f.Host, f.seen, f.AppliedRevision, f.Reason, nics)
	}
	return fmt.Sprintf("forgot host %s, last seen %s, which had applied all that concerns it: nobody waits for it from now on; %s", f.Host, f.seen, nics)
}
