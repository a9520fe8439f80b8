package upstream

import (
	"context"
	"maps"
	"slices"

	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/store"
)

// Plug implements share.Source: the loop calls it when other NICs are plugged. The relay is
// told at once if there is a stream, and else by the hello of the next one.
func (c *Client) Plug(nics map[string]bool, all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.plugged == nil {
		c.plugged, all = map[string]*wire.Plug{}, true
		defer c.wake()
	}
	m := &wire.Plugs{}
	if all {
		for id := range c.plugged {
			if !nics[id] {
				m.Gone = append(m.Gone, id)
				delete(c.plugged, id)
			}
		}
	}
	for id, is := range nics {
		switch {
		case is == (c.plugged[id] != nil):
		case is:
			c.plugged[id] = &wire.Plug{Nic: id}
			m.Plugged = append(m.Plugged, c.plugged[id])
		default:
			m.Gone = append(m.Gone, id)
			delete(c.plugged, id)
		}
	}
	if len(m.Plugged)+len(m.Gone) > 0 {
		c.sendPlugs(m)
	}
}

// sendPlugs sends which NICs are plugged since the last such message, and which are gone,
// if there is a stream. The caller holds mu.
func (c *Client) sendPlugs(m *wire.Plugs) {
	c.plugs++
	m.Number = c.plugs
	if c.now != nil {
		c.now.enqueue(&wire.FromHost{Kind: &wire.FromHost_Plugs{Plugs: m}})
	}
}

// PutHost is called by the reporter with each report of the host. The relay is sent its
// status if that is another one than it was sent last; without a stream, with the next one.
// What the host has applied, and that it is alive, the relay knows by itself. It is a
// store.ErrSeatTaken while relays refuse the host because another machine has its name.
func (c *Client) PutHost(_ context.Context, h store.HostStatus) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	first := c.status == nil
	c.status = &h
	if first {
		c.wake()
	}
	if c.now != nil {
		c.now.setStatus(statusOf(&h))
	}
	return c.away.nameTaken()
}

// statusOf is what of a report a relay does not know by itself.
func statusOf(h *store.HostStatus) *wire.Status {
	s := &wire.Status{Flows: int64(h.Flows), Connected: h.Connected, Errors: slices.Clone(h.Errors), Begun: maps.Clone(h.Begun), Lapsed: h.Applied == 0, Receipt: h.Receipt}
	if !h.BegunSince.IsZero() {
		s.BegunSince = h.BegunSince.UnixNano()
	}
	for _, w := range h.Lost {
		s.Lost = append(s.Lost, &wire.Point{Revision: w.Revision, Mark: w.Mark})
	}
	for _, n := range h.NICs {
		s.Nics = append(s.Nics, &wire.NICStatus{
			Id: n.ID, Ofport: n.OFPort, Ready: n.Ready, Error: n.Error, LinkLocalDropped: n.LinkLocalDropped, Held: n.Applied < h.Applied,
		})
	}
	return s
}
