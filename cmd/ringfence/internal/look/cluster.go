package look

import (
	"fmt"
	"strconv"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Cluster is "ringfence cluster": what the hosts and APIs understand together (admin).
type Cluster struct {
	Show    clusterShow    `cmd:"" aliases:"get,status" default:"1" help:"Show what the hosts and APIs understand, and records that cannot be read."`
	Upgrade clusterUpgrade `cmd:"" help:"Show how far an upgrade is, wait for its end, or keep the way back open."`
	Adopt   clusterAdopt   `cmd:"" help:"Say that no API runs any more from before APIs said what they understand."`
}

type clusterShow struct{}

func (clusterShow) Run(s *session.Session) error {
	var meta client.Meta
	c, err := s.API.Cluster(s.Ctx, client.Into(&meta))
	if err != nil {
		return err
	}
	return showCluster(s, c, meta)
}

type clusterAdopt struct{}

func (clusterAdopt) Help() string {
	return `Needed once, after the upgrade of a store from before there were levels. It cannot be taken back: an API of that time
must not be started again.`
}

func (clusterAdopt) Run(s *session.Session) error {
	var meta client.Meta
	c, err := s.API.AdoptCluster(s.Ctx, client.Into(&meta))
	if err != nil {
		return err
	}
	return showCluster(s, c, meta)
}

func showCluster(s *session.Session, c client.Cluster, meta client.Meta) error {
	if s.Out.Documents {
		return s.Show(meta)
	}
	session.TellStale(s.Out, meta)
	s.Out.Line("level %d, this API understands %d", c.Level, c.Reads)
	if !c.OlderAPIsGone {
		s.Out.Line("the level stays as it is until 'ringfence cluster adopt' says that all older APIs are gone")
	}
	if note := holdNote(c); note != "" {
		s.Out.Line("%s", note)
	}
	rows := make([][]output.Cell, 0, len(c.Members))
	for _, m := range c.Members {
		reads := output.Text(strconv.Itoa(m.Reads))
		if m.Reads < c.Reads {
			reads.Style = output.Red
		}
		rows = append(rows, []output.Cell{output.Text(m.Kind), output.Text(m.ID), reads, output.Text(m.Version), output.Text(m.Machine)})
	}
	s.Out.Line("")
	s.Out.Table([]string{"KIND", "ID", "UNDERSTANDS", "VERSION", "MACHINE"}, rows)
	if len(c.Unreadable) > 0 {
		s.Out.Line("")
		s.Out.Table([]string{"UNREADABLE RECORD", "REVISION", "REASON"}, unreadableRows(c.Unreadable))
	}
	if c.UnreadableMore {
		s.Out.Line("… and more")
	}
	return nil
}

func unreadableRows(all []client.Unreadable) [][]output.Cell {
	rows := make([][]output.Cell, 0, len(all))
	for _, u := range all {
		rows = append(rows, []output.Cell{output.Text(u.Key), output.Text(strconv.FormatInt(u.Revision, 10)), output.Styled(u.Reason, output.Red)})
	}
	return rows
}

// levelNote is the line of the status that tells of an upgrade under way or of a
// level that is held, "" if there is nothing of the kind.
func levelNote(c client.Cluster) string {
	if note := holdNote(c); note != "" {
		return note
	}
	if c.Level >= c.Reads {
		return ""
	}
	return fmt.Sprintf("cluster level %d, this API understands %d: not all are of this version, see 'ringfence cluster'", c.Level, c.Reads)
}
