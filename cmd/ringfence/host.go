package main

import (
	"strconv"
	"strings"
	"time"

	"github.com/ringfence/ringfence/client"
)

type hostCmd struct {
	List hostList `cmd:"" aliases:"ls" default:"1" help:"List all hosts."`
	Show hostShow `cmd:"" aliases:"get,describe" help:"Show a host and the NICs plugged there."`

	Delete hostDelete `cmd:"" aliases:"rm,forget" help:"Forget a host that is no more, so that nobody waits for it."`
}

type hostList struct{ listFlags }

func (hostList) Run(s *session) error {
	var meta client.Meta
	hosts, err := client.Collect(s.api.Hosts(s.ctx, client.Into(&meta)))
	if err != nil {
		return err
	}
	return s.list(meta, hostHeader, hostWide, hostRows(hosts))
}

var hostHeader = []string{"HOST", "ALIVE", "LAST SEEN", "SWITCH", "APPLIED", "FLOWS", "NICS", "READY", "ERRORS"}

// hostWide are what -o wide shows besides.
var hostWide = []string{"VERSION", "CONTROLLER SINCE"}

func hostRows(hosts []client.Host) [][]cell {
	rows := make([][]cell, 0, len(hosts))
	for _, h := range hosts {
		ready := 0
		for _, n := range h.NICs {
			if n.Ready {
				ready++
			}
		}
		rows = append(rows, []cell{
			text(h.ID), yesNo(h.Alive), text(ago(h.LastSeen)), switchCell(h.Connected), text(strconv.FormatInt(h.AppliedRevision, 10)),
			text(strconv.Itoa(h.Flows)), text(strconv.Itoa(len(h.NICs))), text(strconv.Itoa(ready)),
			styled(strings.Join(append(h.Errors[:len(h.Errors):len(h.Errors)], skewed(h)...), "; "), red),
			text(h.Version), timeCell(h.StartedAt),
		})
	}
	return rows
}

// tellSkew is from when on a host's clock is worth a word.
const tellSkew = 2 * time.Second

// skewed tells of a host's clock that is wrong, or the API's.
func skewed(h client.Host) []string {
	if h.ClockSkewSeconds == nil {
		return nil
	}
	skew := time.Duration(*h.ClockSkewSeconds * float64(time.Second)).Round(time.Second)
	switch {
	case skew >= tellSkew:
		return []string{"clock is " + skew.String() + " ahead of the API's"}
	case skew <= -tellSkew:
		return []string{"clock is " + (-skew).String() + " behind the API's"}
	}
	return nil
}

func switchCell(connected bool) cell {
	if connected {
		return styled("connected", green)
	}
	return styled("lost", red)
}

type hostShow struct {
	ID string `arg:"" complete:"host" help:"The host."`
}

func (c hostShow) Run(s *session) error {
	var meta client.Meta
	h, err := s.api.Host(s.ctx, c.ID, client.Into(&meta))
	if err != nil {
		return err
	}
	if s.out.documents {
		return s.show(meta)
	}
	s.out.table(hostHeader, hostRows([]client.Host{h}))
	rows := make([][]cell, 0, len(h.NICs))
	for _, n := range h.NICs {
		rows = append(rows, []cell{
			text(n.ID), text(strconv.FormatUint(uint64(n.OFPort), 10)), yesNo(n.Ready),
			text(strconv.FormatInt(n.AppliedRevision, 10)), styled(n.Error, red),
		})
	}
	if len(rows) > 0 {
		s.out.line("")
		s.out.table([]string{"NIC", "OFPORT", "READY", "APPLIED", "ERROR"}, rows)
	}
	return nil
}

type hostDelete struct {
	ID string `arg:"" complete:"host" help:"The host."`
}

func (hostDelete) Help() string {
	return `Changes wait for a host that is away, and --wait says that it lags, for it may still enforce what it had: see first that the machine is
off. One that is still alive is back with its next report.`
}

func (c hostDelete) Run(s *session) error {
	var meta client.Meta
	h, err := s.api.Host(s.ctx, c.ID)
	if err != nil {
		return err
	}
	if !s.dry {
		if err := s.api.ForgetHost(s.ctx, c.ID, client.Into(&meta)); err != nil {
			return err
		}
	}
	meta.DryRun = s.dry
	what := "forgot host %s, which had applied revision %d and had %d NICs plugged: nobody waits for it any more"
	if h.Alive {
		what = "forgot host %s, which is alive (revision %d, %d NICs plugged): it is back with its next report"
	}
	return s.done(meta, what, h.ID, h.AppliedRevision, len(h.NICs))
}
