// Package sharetest keeps, for tests, the share of one host in a process that has the
// whole policy.
package sharetest

import (
	"iter"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/span"
)

// Local keeps the share of one host in a process that has the whole policy.
type Local struct {
	host  string
	index *span.Index
	share *span.Share
	delta span.Delta // since it was taken last
}

// New returns the share of a host in which nothing is plugged yet.
func New(policy *secgroup.Snapshot, host string) *Local {
	l := &Local{host: host, index: span.NewIndex(policy), share: span.NewShare()}
	l.Plug(nil)
	return l
}

// Plug says which NICs are plugged (true), and which are not any more (false).
func (l *Local) Plug(nics map[string]bool) { l.follow(l.index.Plug(l.host, nics)) }

// PlugAll says which NICs are plugged: these and no others.
func (l *Local) PlugAll(nics iter.Seq[string]) {
	now := map[string]bool{}
	for id := range l.share.NICs {
		now[id] = false
	}
	for id := range nics {
		now[id] = true
	}
	l.Plug(now)
}

// Apply follows a change of the policy, which it then is.
func (l *Local) Apply(policy *secgroup.Snapshot, t secgroup.Touched) {
	l.follow(l.index.Apply(policy, t)[l.host])
}

func (l *Local) follow(d span.Delta) {
	l.share.Apply(d)
	l.delta = span.Merge(l.delta, d)
}

// Take returns the share, and what has changed in it since Take was called last;
// the first time that is a full delta. The share changes with the next call of
// another method.
func (l *Local) Take() (*span.Share, span.Delta) {
	d := l.delta
	l.delta = span.Delta{}
	return l.share, d
}
