package upstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/store"
)

const (
	// plugsWithin is how long a relay that has told the share may take to tell where
	// NICs are plugged, before it counts as one that does not.
	plugsWithin = 3 * time.Second
	// plugsWrittenWithin is how long it may take to have written what it is told of that.
	plugsWrittenWithin = 3 * time.Second
)

// plugsElsewhere are the plugs of this host's NICs, at whichever hosts, as relays tell them.
type plugsElsewhere struct {
	to          store.PlugHandler // nil: nobody wants to know
	all         map[plugID]store.Plug
	known       bool
	unsupported bool // the relay does not tell
}

type plugID struct{ host, nic string }

// plugsAt is called when a relay tells of plugs.
func (c *Client) plugsAt(m *wire.PlugsAt) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := &c.elsewhere
	if !m.GetFull() && !p.known {
		return // the whole comes
	}
	if m.GetFull() || p.all == nil {
		p.all = map[plugID]store.Plug{}
	}
	var set, gone []store.Plug
	for _, one := range m.GetSet() {
		plug := store.Plug{Host: one.GetHost(), NIC: one.GetNic(), Row: one.GetRow(), Order: one.GetOrder(), Restored: one.GetRestored(), Ready: one.GetReady()}
		p.all[plugID{plug.Host, plug.NIC}] = plug
		set = append(set, plug)
	}
	for _, one := range m.GetGone() {
		delete(p.all, plugID{one.GetHost(), one.GetNic()})
		gone = append(gone, store.Plug{Host: one.GetHost(), NIC: one.GetNic()})
	}
	p.known, p.unsupported = true, false
	switch {
	case p.to == nil:
	case m.GetFull():
		p.to.All(set)
	default:
		p.to.Changed(set, gone)
	}
	c.wake()
}

// FollowPlugs is as Store.FollowPlugs, of the NICs that are plugged here alone. It is a
// store.ErrMayNotAsk if the relay is of a version that does not tell of plugs. The handler
// is called with a lock held: it must not call the client.
func (c *Client) FollowPlugs(ctx context.Context, h store.PlugHandler) error {
	c.mu.Lock()
	p := &c.elsewhere
	if p.to = h; p.known {
		all := make([]store.Plug, 0, len(p.all))
		for _, plug := range p.all {
			all = append(all, plug)
		}
		h.All(all)
	}
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		p.to = nil
	}()
	if err := c.await(ctx, func() bool { return p.unsupported }); err != nil {
		return err
	}
	return fmt.Errorf("%w: the relay is of an older version", store.ErrMayNotAsk)
}

// awaitPlugs has the plugs elsewhere count as unknown if the relay of a session does
// not tell them for a while.
func (c *Client) awaitPlugs(s *session) {
	time.AfterFunc(c.cfg.timing.plugs, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.now == s && !c.elsewhere.known && !c.elsewhere.unsupported {
			c.elsewhere.unsupported = true
			c.wake()
		}
	})
}

// PutPlugs is as Store.PutPlugs: it returns when the relay tells that it has written them.
func (c *Client) PutPlugs(ctx context.Context, host string, plugs []store.Plug, gone []string) (written []store.Plug, err error) {
	if err := c.setPlugs(plugs, gone); err != nil {
		return nil, err
	}
	within, cancel := context.WithTimeout(ctx, plugsWrittenWithin)
	defer cancel()
	if err := c.await(within, func() bool {
		written = written[:0]
		for _, p := range plugs {
			is, told := c.elsewhere.all[plugID{host, p.NIC}]
			if told && is.Row == p.Row && is.Ready == p.Ready && is.Restored == p.Restored && (p.Order == 0 && is.Order != 0 || p.Order == is.Order) {
				written = append(written, is)
			}
		}
		return len(written) == len(plugs) || c.now == nil
	}); err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if len(written) < len(plugs) {
		return slices.Clone(written), errors.New("a relay has not told yet that other hosts know what is plugged here")
	}
	return slices.Clone(written), nil
}

// setPlugs keeps the plugs for the next hello, and sends the relay those that differ. It is
// an ErrAway if there is no stream.
func (c *Client) setPlugs(plugs []store.Plug, gone []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var away, anew, known []*wire.Plug
	for _, nic := range gone {
		delete(c.elsewhere.all, plugID{c.cfg.Host, nic})
		if c.plugged[nic] != nil { // its interface is there, and has no port
			away = append(away, c.plugged[nic])
			c.plugged[nic] = &wire.Plug{Nic: nic}
			anew = append(anew, c.plugged[nic])
		}
	}
	for _, p := range plugs {
		if c.plugged[p.NIC] == nil {
			continue // it has gone meanwhile
		}
		c.plugged[p.NIC] = &wire.Plug{Nic: p.NIC, Row: p.Row, Order: p.Order, Restored: p.Restored, Ready: p.Ready}
		known = append(known, c.plugged[p.NIC])
	}
	if c.now == nil {
		return ErrAway // the next hello tells
	}
	if len(away) > 0 {
		m := &wire.Plugs{}
		for _, p := range away {
			m.Gone = append(m.Gone, p.GetNic())
		}
		c.sendPlugs(m)
		c.sendPlugs(&wire.Plugs{Plugged: anew})
	}
	if len(known) > 0 {
		c.sendPlugs(&wire.Plugs{Plugged: known})
	}
	return nil
}

// Plugged returns the NICs of this host that are plugged at another one, as relays have
// said it.
func (c *Client) Plugged(_ context.Context, host string) (nics []store.HostNIC, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case host == c.cfg.Host:
		return nil, errors.New("what this host has plugged it does not know yet, and nobody else does")
	case c.elsewhere.unsupported:
		return nil, store.ErrMayNotAsk
	case !c.elsewhere.known:
		return nil, ErrAway
	}
	for at, p := range c.elsewhere.all {
		if at.host == host {
			nics = append(nics, store.HostNIC{ID: at.nic, Ready: p.Ready})
		}
	}
	return nics, nil
}
