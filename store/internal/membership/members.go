package membership

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// ErrUnknown says that the members of the cluster were not read yet.
var ErrUnknown = errors.New("the members of the cluster are not known yet")

// Hosts is what is known of the hosts at one moment.
type Hosts struct {
	Reports []record.HostStatus // as they are believed
	Loaded  bool
	Seen    int64           // etcd's revision up to which they were read
	Changed <-chan struct{} // closed when there are others
}

// Members is one process's view of who is a member of the cluster, and its part in
// keeping the level. It may be used by many goroutines at once.
type Members struct {
	link  *link.Link
	hosts func() Hosts
	board func() *board // starts the watch of members on first use

	keeps  atomic.Bool   // this process keeps the level
	wanted chan struct{} // somebody waits for it to rise
}

// New makes the view. Nothing is read before it is asked for.
func New(l *link.Link, hosts func() Hosts) *Members {
	return &Members{link: l, hosts: hosts, wanted: make(chan struct{}, 1), board: sync.OnceValue(func() *board { return startBoard(l) })}
}

// View is what this process has seen last.
func (m *Members) View() View { return m.board().view() }

// AwaitLoad waits until the members were read, but not longer than the first attempt.
func (m *Members) AwaitLoad(ctx context.Context) error {
	b := m.board()
	return b.health.AwaitLoad(ctx, m.link.Ctx.Done(), &b.pulse, b.isLoaded)
}

// Cluster is what the members of a cluster understand together.
//
// The level is kept in the store. An API that has joined raises it when every
// host and every API understands more, and lowers it as soon as one that does
// not comes along: that one takes what it cannot read for unreadable. A store
// from before there were levels has none: APIs of that time do not say that
// they are there, so somebody must say that they are gone (Adopt).
type Cluster struct {
	Level   record.Level // up to which records may be written
	Adopted bool         // the level follows the members
	Pin     *Pin         // that keeps the level from rising; nil: none
	// Members are the known ones, APIs first, each kind sorted by id. Hosts that
	// are away are among them until they are forgotten.
	Members []record.ClusterMember
}

// Cluster returns what this process has seen last of its cluster.
func (m *Members) Cluster() Cluster {
	v := m.View()
	members, _ := withHosts(v.Members, m.hosts().Reports)
	return Cluster{Level: max(v.Level, record.LevelFirst), Adopted: v.Level > 0, Pin: v.Pin, Members: members}
}

// withHosts adds the hosts that report and say nothing of what they understand.
// Inferred are those of which that is concluded from their silence: what they say
// may be about to be seen, since reports are followed apart from members.
func withHosts(members []record.ClusterMember, reports []record.HostStatus) (all []record.ClusterMember, inferred map[string]bool) {
	all, inferred = slices.Clone(members), map[string]bool{}
	at := map[string]int{}
	for i, m := range members {
		if m.Kind == record.MemberHost {
			at[m.ID] = i
		}
	}
	for _, h := range reports {
		i, said := at[h.Host]
		switch {
		case said && !members[i].Seated && record.StampOf(members[i].Since) != record.StampOf(h.Started):
			// Another process reports now, which took no seat: it was rolled back.
			all[i].Reads, all[i].Version, all[i].Since = record.LevelFirst, h.Version, h.Started
			inferred[h.Host] = true
		case !said:
			inferred[h.Host] = true
			all = append(all, record.ClusterMember{Kind: record.MemberHost, ID: h.Host, Reads: record.LevelFirst, Version: h.Version, Since: h.Started})
		}
	}
	slices.SortFunc(all, func(a, b record.ClusterMember) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID))
	})
	return all, inferred
}
