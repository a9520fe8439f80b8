package hosts

import (
	"fmt"
	"slices"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/ringfence/ringfence/store/internal/history"
	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// Who waits for one host looks at no other.
func TestUndoneLooksAtNoOtherHost(t *testing.T) {
	t.Parallel()
	l, err := link.Open(link.Config{Endpoints: []string{"127.0.0.1:1"}}, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	b := newBoard(l, policyAt(7), loaded(t, l))
	err = b.Load(func(each func(*mvccpb.KeyValue) error) error {
		for i := range 3 {
			value, err := record.Marshal(record.HostToRecord(record.HostStatus{Applied: int64(5 + i)}))
			if err != nil {
				return err
			}
			if err := each(&mvccpb.KeyValue{Key: []byte(l.Keys.Host(fmt.Sprint("h", i))), Value: []byte(value), ModRevision: int64(10 + i)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	atSeven := func(h *record.HostStatus) bool { return h.Applied >= 7 }
	if left := b.Undone([]string{"h1", "h2"}, atSeven); !slices.Equal(left, []string{"h1"}) {
		t.Errorf("not done are %v, want h1 alone", left)
	}
	if _, known := b.believed["h2"]; !known || len(b.believed) != 2 || b.sorted != nil {
		t.Errorf("of %d hosts %d were looked at, want the 2 that were asked for", len(b.reports), len(b.believed))
	}
	if all, loaded := b.All(); !loaded || len(all) != 3 || len(b.believed) != 3 {
		t.Errorf("all are %+v, loaded %v", all, loaded)
	}
}

// policyAt is a policy at a revision, which remembers no write.
type policyAt int64

func (p policyAt) Has(w record.Write) history.Knowledge {
	if w.Revision > int64(p) {
		return history.NotYet
	}
	return history.TooOld
}

func (p policyAt) At() (number, revision int64) { return 1, int64(p) }

// loaded are the restores of a store that was never restored.
func loaded(t *testing.T, l *link.Link) *history.Restores {
	t.Helper()
	r := history.FollowRestores(l)
	if err := r.Load(func(func(*mvccpb.KeyValue) error) error { return nil }); err != nil {
		t.Fatal(err)
	}
	return r
}
