package look

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

type clusterUpgrade struct {
	Hold    bool `xor:"hold" help:"Keep the level where it is, so that everything may be rolled back, also when all are new."`
	Release bool `xor:"hold" help:"Let the level rise again to what all understand."`
}

func (clusterUpgrade) Help() string {
	return `Shows how far an upgrade is: the level of the cluster, the highest one that an API or a host understands, and who
understands less. The level rises by itself when the last one is new. With --wait 30m it waits for that, says who is missing
whenever that changes, and goes on while an API is restarted.

With --hold nothing is written that the version of now cannot read until --release: in that time hosts and APIs may
be rolled back without a record that they cannot read, whatever is written.

Exit status: 0 the level is reached (of --hold: it is held); 3 it is not, or not within --wait; 1 the API refuses, or is not there.

Examples:
  ringfence cluster upgrade --hold
  ringfence cluster upgrade --release --wait 30m`
}

// upgradeLook is how often the level is looked at while one waits for it.
const upgradeLook = time.Second

func (u clusterUpgrade) Run(s *session.Session) error {
	var meta client.Meta
	c, err := s.API.Cluster(s.Ctx, client.Into(&meta))
	if err != nil {
		return err
	}
	if u.Hold {
		if c, err = s.API.HoldCluster(s.Ctx, c.Level, client.Into(&meta)); err != nil {
			return err
		}
		return showUpgrade(s, c, meta)
	}
	if u.Release {
		if err := s.API.ReleaseCluster(s.Ctx); err != nil {
			return err
		}
		if c, err = s.API.Cluster(s.Ctx, client.Into(&meta)); err != nil {
			return err
		}
	}
	if c, err = awaitLevel(s, c, &meta); err != nil {
		return err
	}
	if err := showUpgrade(s, c, meta); err != nil {
		return err
	}
	if c.Level < newest(c) {
		return failure.ErrNeeds
	}
	return nil
}

// awaitLevel waits as long as the session may until the level is what the newest
// understands, or is held. An API that is restarted meanwhile ends nothing.
func awaitLevel(s *session.Session, c client.Cluster, meta *client.Meta) (client.Cluster, error) {
	deadline, said := time.Now().Add(s.Wait), ""
	var err error
	for {
		if err == nil {
			if c.Level >= newest(c) || c.Hold != nil && len(behind(c)) == 0 {
				return c, nil
			}
			if now := upgradeLine(c); s.Wait > 0 && !s.Out.Documents && now != said {
				s.Out.Line("%s", now)
				said = now
			}
		}
		left := time.Until(deadline)
		if left <= 0 {
			return c, err
		}
		if err := pause(s.Ctx, min(left, upgradeLook)); err != nil {
			return c, err
		}
		var next client.Cluster
		if next, err = s.API.Cluster(s.Ctx, client.Into(meta)); err == nil {
			c = next
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// newest is the highest level that a member understands.
func newest(c client.Cluster) int {
	most := c.Reads
	for _, m := range c.Members {
		most = max(most, m.Reads)
	}
	return most
}

// behind are the members that understand less than others.
func behind(c client.Cluster) []client.ClusterMember {
	var all []client.ClusterMember
	for _, m := range c.Members {
		if m.Reads < newest(c) {
			all = append(all, m)
		}
	}
	return all
}

// upgradeLine tells in a line how far it is.
func upgradeLine(c client.Cluster) string {
	late := behind(c)
	line := fmt.Sprintf("level %d of %d, %d of %d hosts and APIs are new", c.Level, newest(c), len(c.Members)-len(late), len(c.Members))
	for i, m := range late {
		if i == 3 {
			return line + fmt.Sprintf(", and %d more", len(late)-i)
		}
		line += fmt.Sprintf(", not %s %s", m.Kind, m.ID)
	}
	return line
}

// holdNote tells of what keeps the level from rising, "" if nothing does.
func holdNote(c client.Cluster) string {
	if c.Hold == nil {
		return ""
	}
	return fmt.Sprintf("level %d is held by %s since %s, until 'ringfence cluster upgrade --release'", c.Hold.Level, c.Hold.By, c.Hold.Since.Local().Format(time.DateTime))
}

func showUpgrade(s *session.Session, c client.Cluster, meta client.Meta) error {
	if s.Out.Documents {
		return s.Show(meta)
	}
	late, most := behind(c), newest(c)
	switch {
	case c.Level >= most:
		s.Out.Line("%s", s.Out.Paint(output.Green, fmt.Sprintf("level %d: every host and API understands it", c.Level)))
	case !c.OlderAPIsGone:
		s.Out.Line("level %d of %d: it stays until 'ringfence cluster adopt' says that all older APIs are gone", c.Level, most)
	case len(late) == 0 && c.Hold == nil:
		s.Out.Line("level %d of %d: all are new, and it is about to rise", c.Level, most)
	default:
		s.Out.Line("level %d of %d", c.Level, most)
	}
	if note := holdNote(c); note != "" {
		s.Out.Line("%s", s.Out.Paint(output.Yellow, note))
	}
	if len(late) == 0 {
		return nil
	}
	rows := make([][]output.Cell, 0, len(late))
	for _, m := range late {
		rows = append(rows, []output.Cell{output.Text(m.Kind), output.Text(m.ID), output.Styled(strconv.Itoa(m.Reads), output.Red), output.Text(m.Version), output.Text(m.Machine)})
	}
	s.Out.Line("")
	s.Out.Table([]string{"NOT NEW", "ID", "UNDERSTANDS", "VERSION", "MACHINE"}, rows)
	return nil
}
