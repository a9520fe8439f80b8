package main

import (
	"fmt"
	"strconv"

	"github.com/ringfence/ringfence/client"
)

type clusterCmd struct {
	Show  clusterShow  `cmd:"" aliases:"get,status" default:"1" help:"Show what the hosts and APIs understand, and records that cannot be read."`
	Adopt clusterAdopt `cmd:"" help:"Say that no API runs any more from before APIs said what they understand."`
}

type clusterShow struct{}

func (clusterShow) Run(s *session) error {
	var meta client.Meta
	c, err := s.api.Cluster(s.ctx, client.Into(&meta))
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

func (clusterAdopt) Run(s *session) error {
	var meta client.Meta
	c, err := s.api.AdoptCluster(s.ctx, client.Into(&meta))
	if err != nil {
		return err
	}
	return showCluster(s, c, meta)
}

func showCluster(s *session, c client.Cluster, meta client.Meta) error {
	if s.out.documents {
		return s.show(meta)
	}
	tellStale(s.out, meta)
	s.out.line("level %d, this API understands %d", c.Level, c.Reads)
	if !c.OlderAPIsGone {
		s.out.line("the level stays as it is until 'ringfence cluster adopt' says that all older APIs are gone")
	}
	rows := make([][]cell, 0, len(c.Members))
	for _, m := range c.Members {
		reads := text(strconv.Itoa(m.Reads))
		if m.Reads < c.Reads {
			reads.style = red
		}
		rows = append(rows, []cell{text(m.Kind), text(m.ID), reads, text(m.Version), text(m.Machine)})
	}
	s.out.line("")
	s.out.table([]string{"KIND", "ID", "UNDERSTANDS", "VERSION", "MACHINE"}, rows)
	if len(c.Unreadable) > 0 {
		s.out.line("")
		s.out.table([]string{"UNREADABLE RECORD", "REVISION", "REASON"}, unreadableRows(c.Unreadable))
	}
	if c.UnreadableMore {
		s.out.line("… and more")
	}
	return nil
}

func unreadableRows(all []client.Unreadable) [][]cell {
	rows := make([][]cell, 0, len(all))
	for _, u := range all {
		rows = append(rows, []cell{text(u.Key), text(strconv.FormatInt(u.Revision, 10)), styled(u.Reason, red)})
	}
	return rows
}

// levelNote is the line of the status that tells of an upgrade under way, "" if none is.
func levelNote(c client.Cluster) string {
	if c.Level >= c.Reads {
		return ""
	}
	return fmt.Sprintf("cluster level %d, this API understands %d: not all are of this version, see 'ringfence cluster'", c.Level, c.Reads)
}
