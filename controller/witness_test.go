package controller

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// historian says whether the store went back, as it is told, and notes of which
// writes it was asked.
type historian struct {
	mu    sync.Mutex
	gone  bool
	asked [][]store.Write
}

func (h *historian) Lost(_ context.Context, seen []store.Write) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, seen)
	return h.gone && len(seen) > 0, nil
}

// set begins anew, and says what was asked until now.
func (h *historian) set(gone bool) (asked [][]store.Write) {
	h.mu.Lock()
	defer h.mu.Unlock()
	asked, h.asked, h.gone = h.asked, nil, gone
	return asked
}

// TestHostRemembersWrites: a host that starts asks for the last write that it had
// applied, and its reports tell what the store has lost, for as long as APIs may not
// have heard of it.
func TestHostRemembersWrites(t *testing.T) {
	r, p := newRig(t), small.New()
	h := &historian{}
	r.history = h
	r.store.Join(store.ClusterMember{ID: "api-1"}) // all versions in the cluster know such reports
	r.start()
	rev := r.write(append(p.Base(), secgroup.Put(small.NIC(1)))...)
	r.applied(rev)
	last := store.Write{}
	r.eventually(patience, "the write is kept", func() string {
		text := r.ovs.Get("Bridge", bridge, "external_ids:"+seenKey)
		if kept := parseWrites(text); len(kept) == 1 && kept[0].Revision == rev {
			last = kept[0]
			return ""
		}
		return fmt.Sprintf("it has %q", text)
	})
	r.stop()
	h.set(true)
	told := func() []store.Write {
		for _, s := range r.store.Hosts() {
			return s.Lost
		}
		return nil
	}
	for _, gone := range []bool{true, false} { // it is told of after another restart, too
		r.start()
		r.eventually(patience, "the report tells of what is lost", func() string {
			if got := told(); !slices.Equal(got, []store.Write{last}) {
				return fmt.Sprintf("%v, want %v", got, last)
			}
			return ""
		})
		r.stop()
		asked := h.set(false)
		if gone && (len(asked) == 0 || !slices.Equal(asked[0], []store.Write{last})) {
			t.Errorf("the store was asked for %v, want %v", asked, last)
		}
	}
}

// TestRemembered: what is remembered goes back far, in few writes, with the latest
// ones among them, and nothing of another history.
func TestRemembered(t *testing.T) {
	var seen []store.Write
	for rev := int64(1); rev <= 3000; rev++ {
		seen = remember(seen, store.Write{Revision: rev, Mark: fmt.Sprint("m", rev)})
		if len(seen) > maxSeen || seen[len(seen)-1].Revision != rev || rev > 1 && seen[len(seen)-2].Revision != rev-1 {
			t.Fatalf("at %d: %v", rev, seen)
		}
	}
	if far := 3000 - seen[0].Revision; far < 500 {
		t.Errorf("the oldest is %d back: %v", far, seen)
	}
	if got := parseWrites(writesText(seen)); !slices.Equal(got, seen) {
		t.Errorf("read back: %v, want %v", got, seen)
	}
	seen = remember(seen, store.Write{Revision: 2995, Mark: "other"})
	if n := len(seen); seen[n-1].Mark != "other" || seen[n-2].Revision >= 2995 {
		t.Errorf("after the store went back: %v", seen)
	}
	if got := parseWrites("nonsense 7/ /m -3/m 8/m"); !slices.Equal(got, []store.Write{{Revision: 8, Mark: "m"}}) {
		t.Errorf("read from nonsense: %v", got)
	}
}
