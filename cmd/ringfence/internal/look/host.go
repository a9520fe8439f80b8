package look

import (
	"strconv"
	"strings"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Host is "ringfence host": hosts and their controllers (admin).
type Host struct {
	List hostList `cmd:"" aliases:"ls" default:"1" help:"List all hosts."`
	Show hostShow `cmd:"" aliases:"get,describe" help:"Show a host and the NICs plugged there."`

	Delete hostDelete `cmd:"" aliases:"rm,forget" help:"Forget a host that is no more, so that nobody waits for it."`
}

type hostList struct{ session.ListFlags }

func (hostList) Run(s *session.Session) error {
	var meta client.Meta
	hosts, err := client.Collect(s.API.Hosts(s.Ctx, client.Into(&meta)))
	if err != nil {
		return err
	}
	return s.List(meta, hostHeader, hostWide, hostRows(hosts))
}

var hostHeader = []string{"HOST", "ALIVE", "LAST SEEN", "SWITCH", "APPLIED", "FLOWS", "NICS", "READY", "ERRORS"}

// hostWide are what -o wide shows besides.
var hostWide = []string{"VERSION", "CONTROLLER SINCE"}

func hostRows(hosts []client.Host) [][]output.Cell {
	rows := make([][]output.Cell, 0, len(hosts))
	for _, h := range hosts {
		ready := 0
		for _, n := range h.NICs {
			if n.Ready {
				ready++
			}
		}
		rows = append(rows, []output.Cell{
			output.Text(h.ID), output.YesNo(h.Alive), output.Text(output.Ago(h.LastSeen)), switchCell(h.Connected), output.Text(strconv.FormatInt(h.AppliedRevision, 10)),
			output.Text(strconv.Itoa(h.Flows)), output.Text(strconv.Itoa(len(h.NICs))), output.Text(strconv.Itoa(ready)),
			output.Styled(strings.Join(append(h.Errors[:len(h.Errors):len(h.Errors)], skewed(h)...), "; "), output.Red),
			output.Text(h.Version), output.TimeCell(h.StartedAt),
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

func switchCell(connected bool) output.Cell {
	if connected {
		return output.Styled("connected", output.Green)
	}
	return output.Styled("lost", output.Red)
}

type hostShow struct {
	ID string `arg:"" complete:"host" help:"The host."`
}

func (c hostShow) Run(s *session.Session) error {
	var meta client.Meta
	h, err := s.API.Host(s.Ctx, c.ID, client.Into(&meta))
	if err != nil {
		return err
	}
	if s.Out.Documents {
		return s.Show(meta)
	}
	s.Out.Table(hostHeader, hostRows([]client.Host{h}))
	rows := make([][]output.Cell, 0, len(h.NICs))
	for _, n := range h.NICs {
		rows = append(rows, []output.Cell{
			output.Text(n.ID), output.Text(strconv.FormatUint(uint64(n.OFPort), 10)), output.YesNo(n.Ready),
			output.Text(strconv.FormatInt(n.AppliedRevision, 10)), output.Styled(n.Error, output.Red),
		})
	}
	if h.Receipt != "" {
		s.Out.Line("\nHow it is known that packets meet a change: %s.", h.Receipt)
	}
	if len(rows) > 0 {
		s.Out.Line("")
		s.Out.Table([]string{"NIC", "OFPORT", "READY", "APPLIED", "ERROR"}, rows)
	}
	return nil
}
