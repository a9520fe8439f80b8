package share

import (
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/span"
)

// pendingLoss is what is remembered of a share while a delta is applied to it, to tell
// what its NICs' own ends may refuse from then on. It is as much work as the delta
// changes, and as there are NICs of the networks that it changes.
type pendingLoss struct {
	host  string
	ends  map[string]end
	loss  impact.Loss
	left  map[span.Label][]netip.Addr // addresses that are of a group no more
	names namers
}

// end is what a NIC's end was, if the NIC was known.
type end struct {
	impact.End
	known bool
}

// lossOf looks at a share that a delta is about to be applied to.
func lossOf(host string, s *span.Share, d span.Delta, names namers) *pendingLoss {
	b := &pendingLoss{host: host, ends: map[string]end{}, names: names}
	p := Policy{s, host}
	see := func(id string) { b.ends[id] = end{impact.EndOf(p, p.NIC(id)), p.Knows(id)} }
	for id := range d.NICs {
		see(id)
	}
	if len(d.Networks) > 0 {
		for id, n := range s.NICs {
			if n.Record == nil {
				continue
			}
			if _, changed := d.Networks[n.Record.Network]; changed {
				see(id)
			}
		}
	}
	for ref, now := range d.Groups {
		if was := s.Groups[ref]; was != nil && now != nil && impact.TakesRules(was, now) {
			impact.Put(&b.loss.Groups, ref)
		}
	}
	for l, c := range d.Members {
		gone := c.Remove
		if c.Reset {
			gone = s.Members[l.Group][l.Domain]
		}
		if len(gone) > 0 {
			if b.left == nil {
				b.left = map[span.Label][]netip.Addr{}
			}
			b.left[l] = slices.Clone(gone) // the share edits its own lists
		}
	}
	if d.Baseline != nil {
		b.loss.All = impact.TakesBaseline(s.Baseline, d.Baseline)
	}
	return b
}

// finish looks at the share that has the delta, and adds what is lost.
func (b *pendingLoss) finish(s *span.Share, loss *impact.Loss) {
	p := Policy{s, b.host}
	for id, old := range b.ends {
		if !p.Knows(id) {
			continue // it is plugged no more, or may not be: nothing passes
		}
		now := impact.EndOf(p, p.NIC(id))
		if !old.known || old.Loses(now) {
			impact.Put(&b.loss.NICs, id) // nobody looked at what connections it has, or some may be refused
		}
		if impact.FilteredAnew(old.NIC, now.NIC) {
			impact.Put(&b.loss.Filtered, id)
		}
	}
	for l, gone := range b.left {
		for _, a := range gone {
			if len(b.names[l.Group]) == 0 {
				break // the rules that named it went, which is a matter of their groups
			}
			if p.IsMember(l.Group, l.Domain, a) {
				continue
			}
			impact.Put(&b.loss.LeftAddresses, impact.Address{Domain: l.Domain, Addr: a})
			for _, ref := range b.names[l.Group] {
				impact.Put(&b.loss.Named, ref)
			}
		}
	}
	loss.Merge(b.loss)
}

// filtered returns the NICs that are filtered in a share and were not in the one that
// it takes the place of.
func filtered(was, is *span.Share) (nics map[string]struct{}) {
	for id, n := range is.NICs {
		if impact.FilteredAnew(was.NICs[id].Record, n.Record) {
			impact.Put(&nics, id)
		}
	}
	return nics
}

var _ impact.Host = Policy{}
