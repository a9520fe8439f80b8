package membership

import (
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// TestSeenOfARestoredStore: what was seen of a store that was restored from a backup is as old
// as what is there, and not as what was: who joins at a revision that was given out before is new.
func TestSeenOfARestoredStore(t *testing.T) {
	b := newBoard(&link.Link{Keys: record.Layout{Prefix: "/r/"}})
	load := func(rev int64) {
		t.Helper()
		if err := b.Load(func(take func(*mvccpb.KeyValue) error) error {
			return take(&mvccpb.KeyValue{Key: []byte(b.keys.API("api-1")), Value: []byte(`{"v":1,"reads":3}`), ModRevision: rev})
		}); err != nil {
			t.Fatal(err)
		}
		if v := b.view(); v.Seen != rev || len(v.Members) != 1 || v.Members[0].Reads != 3 {
			t.Errorf("seen up to %d with %+v, want %d", v.Seen, v.Members, rev)
		}
	}
	load(1000)
	load(20)
}
