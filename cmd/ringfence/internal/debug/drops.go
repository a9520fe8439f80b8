package debug

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Drops is "ringfence drops": what is dropped of the packets of an account's NICs, and why.
type Drops struct {
	NIC    string        `name:"nic" complete:"nic" placeholder:"NIC" help:"Only of this NIC."`
	Follow bool          `short:"f" help:"Go on until interrupted, one line for each kind of packet that is dropped."`
	For    time.Duration `default:"5s" placeholder:"TIME" help:"How long to look. Default 5s."`
	Limit  string        `default:"1000" placeholder:"N" help:"At most so many a host. Default 1000."`
}

func (Drops) Help() string {
	return `Hosts look for drops while somebody asks, and for none otherwise. Packets are sampled, their counts are of those that
were looked at; the totals count them all. Why a packet is dropped, in full: ringfence trace.

Examples:
  ringfence drops --nic db-1 --for 10s
  ringfence drops --follow`
}

// dropsPoll is how long one request waits for drops.
const dropsPoll = 2 * time.Second

func (c Drops) Run(t *session.Tenant) error {
	filter := client.DropFilter{NIC: c.NIC, Limit: c.Limit}
	if c.Follow {
		return c.follow(t, filter)
	}
	var meta client.Meta
	// The first answer is of those who looked before; hosts look from then on.
	if _, err := t.API.Drops(t.Ctx, t.Account, filter); err != nil {
		return err
	}
	for end := time.Now().Add(c.For); ; {
		left := time.Until(end)
		if left > 0 {
			select {
			case <-t.Ctx.Done():
				return t.Ctx.Err()
			case <-time.After(min(left, dropsPoll)):
			}
		}
		list, err := t.API.Drops(t.Ctx, t.Account, filter, client.Into(&meta))
		switch {
		case err != nil:
			return err
		case left > 0:
		case t.Out.Documents:
			return t.Show(meta)
		default:
			return printDrops(t.Out, list)
		}
	}
}

// follow prints what comes, until it is interrupted.
func (c Drops) follow(t *session.Tenant, filter client.DropFilter) error {
	filter.Wait = dropsPoll
	told := map[client.Drop]uint64{}
	complaint := ""
	for {
		list, err := t.API.Drops(t.Ctx, t.Account, filter)
		if errors.Is(t.Ctx.Err(), context.Canceled) { // that is how it ends
			return nil
		}
		if err != nil {
			return err
		}
		if now := silence(list.Hosts); now != complaint {
			if complaint = now; now != "" && !t.Out.Documents {
				t.Out.Line("%s", t.Out.Paint(output.Yellow, now))
			}
		}
		for i := len(list.Items) - 1; i >= 0; i-- { // the latest last
			d := list.Items[i]
			kind := d
			kind.Count, kind.FirstSeen, kind.LastSeen = 0, time.Time{}, time.Time{}
			more := d.Count - min(told[kind], d.Count)
			if told[kind] = d.Count; more == 0 {
				continue
			}
			if t.Out.Documents {
				doc, err := json.Marshal(d)
				if err != nil {
					return err
				}
				if err := t.Out.Raw(doc); err != nil {
					return err
				}
				continue
			}
			t.Out.Line("%s  %s  %s  %s  %s%s", d.LastSeen.Local().Format(time.TimeOnly), d.NIC, d.Direction, t.Out.Paint(output.Red, d.Reason), dropText(d), times(more))
		}
		filter.Since = list.Until
	}
}

func times(n uint64) string {
	if n == 1 {
		return ""
	}
	return fmt.Sprintf("  ×%d", n)
}

func printDrops(p *output.Printer, l client.DropList) error {
	rows := make([][]output.Cell, 0, len(l.Items))
	for _, d := range l.Items {
		rows = append(rows, []output.Cell{
			output.Text(d.LastSeen.Local().Format(time.TimeOnly)), output.Text(d.Host), output.Text(d.NIC), output.Text(d.Direction), output.Styled(d.Reason, output.Red), output.Text(dropText(d)),
			output.Text(strconv.FormatUint(d.Count, 10)),
		})
	}
	p.Table([]string{"LAST SEEN", "HOST", "NIC", "DIRECTION", "REASON", "PACKET", "SEEN"}, rows)
	for _, s := range l.Totals {
		p.Line("%s: %d packets of %s %s in all", s.Reason, s.Packets, s.NIC, s.Direction)
	}
	return hostAnswers(p, l.Hosts)
}

// dropText shows a dropped frame in short.
func dropText(d client.Drop) string {
	end := func(address string, port int) string {
		if port == 0 {
			return address
		}
		return net.JoinHostPort(address, strconv.Itoa(port))
	}
	var s string
	switch d.Protocol {
	case "":
		s = fmt.Sprintf("%s → %s %s", d.SourceMAC, d.DestinationMAC, d.EtherType)
	case "icmp", "icmpv6":
		s = fmt.Sprintf("%s → %s %s %d/%d", d.Source, d.Destination, d.Protocol, d.ICMPType, d.ICMPCode)
	default:
		s = fmt.Sprintf("%s → %s %s", end(d.Source, d.SourcePort), end(d.Destination, d.Port), d.Protocol)
	}
	if d.Reason == "spoofed" && d.Source != "" && d.SourceMAC != "" {
		s += " from " + d.SourceMAC
	}
	if d.VLAN != 0 {
		s += fmt.Sprintf(" VLAN %d", d.VLAN)
	}
	if d.Fragment {
		s += " fragment"
	}
	return s
}
