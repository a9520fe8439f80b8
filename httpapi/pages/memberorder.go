package pages

import (
	"slices"
	"sync"

	"github.com/ringfence/ringfence/secgroup"
)

// maxOrdered bounds the members that are kept in order for later pages of lists,
// some 60 bytes each.
const maxOrdered = 200_000

// MemberOrder keeps the members of groups in the order of their list while
// somebody reads it page by page, so that each page need not sort them anew. What
// it keeps is of one write of the policy, and so never outdated.
type MemberOrder struct {
	mu    sync.Mutex
	lists []orderedMembers // the one used last at the end
}

type orderedMembers struct {
	group    secgroup.GroupRef
	revision int64
	mark     string // of the write at the revision
	members  []secgroup.Member
}

// Get returns the members of a group as of a write, made by sorted unless they are
// kept. Without a mark it is not known which write it is, and nothing is kept.
func (o *MemberOrder) Get(group secgroup.GroupRef, revision int64, mark string, sorted func() []secgroup.Member) []secgroup.Member {
	if mark == "" {
		return sorted()
	}
	if l, ok := o.take(group, revision, mark); ok {
		o.keep(l)
		return l.members
	}
	l := orderedMembers{group, revision, mark, sorted()}
	o.keep(l)
	return l.members
}

func (o *MemberOrder) take(group secgroup.GroupRef, revision int64, mark string) (l orderedMembers, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := slices.IndexFunc(o.lists, func(l orderedMembers) bool { return l.group == group && l.revision == revision && l.mark == mark })
	if i < 0 {
		return l, false
	}
	l = o.lists[i]
	o.lists = slices.Delete(o.lists, i, i+1)
	return l, true
}

// keep makes a list the latest, and drops the oldest ones for it.
func (o *MemberOrder) keep(l orderedMembers) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lists = append(o.lists, l)
	kept, first := 0, len(o.lists)
	for first > 0 && kept+len(o.lists[first-1].members) <= maxOrdered {
		first--
		kept += len(o.lists[first].members)
	}
	o.lists = slices.Delete(o.lists, 0, first)
}

// Size is how many members are kept.
func (o *MemberOrder) Size() (n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, l := range o.lists {
		n += len(l.members)
	}
	return n
}
