package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/ringfence/ringfence/store/internal/record"
)

// maxMarks bounds how many writes are remembered by their marks, some 300 kB.
const maxMarks = 4096

// marks are the latest writes of the history that is followed, the oldest
// first: which write it was that a revision stands for.
type marks struct{ all []Write }

// restart forgets all and begins with some writes.
func (m *marks) restart(first ...Write) { m.all = append(m.all[:0:0], first...) }

func (m *marks) add(w Write) {
	if len(m.all) == 2*maxMarks {
		m.all = append(m.all[:0:0], m.all[maxMarks:]...)
	}
	m.all = append(m.all, w)
}

// knowledge is what marks can say of a write.
type knowledge uint8

const (
	isThere  knowledge = iota // it is in the history
	isNot                     // it is not: another write has its revision, or none
	tooOld                    // it was before all that is remembered
	notSoFar                  // the history has not come there, as far as it is followed
)

// has says whether a write is in the history. One without a mark is taken by
// its revision alone.
func (m *marks) has(w Write) knowledge {
	switch {
	case len(m.all) == 0 || w.Revision > m.all[len(m.all)-1].Revision:
		return notSoFar
	case w.Revision < m.all[0].Revision:
		return tooOld
	}
	at, found := slices.BinarySearchFunc(m.all, w.Revision, func(h Write, rev int64) int { return cmp.Compare(h.Revision, rev) })
	if w.Mark == "" || found && (m.all[at].Mark == w.Mark || m.all[at].Mark == "") {
		return isThere
	}
	return isNot
}

// at is the mark of the write at a revision, "" if that is not remembered.
func (m *marks) at(rev int64) string {
	i, found := slices.BinarySearchFunc(m.all, rev, func(h Write, rev int64) int { return cmp.Compare(h.Revision, rev) })
	if !found {
		return ""
	}
	return m.all[i].Mark
}

// head is the latest write that a mutation made; zero if there is none.
func (m *marks) head() Write {
	for i := len(m.all) - 1; i >= 0; i-- {
		if m.all[i].Mark != "" {
			return m.all[i]
		}
	}
	return Write{}
}

// head asks etcd which write of the policy is the latest: zero if there is
// none. It is for what is answered without a transaction, which would fail if
// the cache is behind: a follower whose connection hangs does not know that it
// is.
func (s *Store) head(ctx context.Context) (head Write, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	r, err := s.link.Client.Get(ctx, s.link.Keys.Head())
	if err == nil && len(r.Kvs) > 0 {
		head = record.WriteOf(r.Kvs[0])
	}
	return head, err
}

// Latest asks etcd for the revision of the latest mutation of the policy, 0 if there
// was none. What a follower has may be older.
func (s *Store) Latest(ctx context.Context) (int64, error) {
	head, err := s.head(ctx)
	if err != nil {
		return 0, s.link.Failed("latest", err)
	}
	return head.Revision, nil
}

// includes tells whether what was read from the cache at a revision holds a
// write, of the history that the cache follows now.
func (c *cache) includes(rev int64, w Write) bool {
	known := c.has(w)
	return w.Revision == 0 || rev >= w.Revision && (known == isThere || known == tooOld)
}
