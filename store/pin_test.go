package store

import (
	"errors"
	"testing"
	"time"

	"github.com/ringfence/ringfence/store/internal/membership"
)

// TestPinnedLevel does not rise when all members understand more, until it is let
// go; it falls all the same when one comes who understands less.
func TestPinnedLevel(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		mustUpdate(t, s, put(account("a")))
		s.Join(ClusterMember{ID: "api-1"})
		awaitLevel(t, s, LevelNow)
		old, err := Open(t.Context(), e.config())
		if err != nil {
			t.Fatal(err)
		}
		old.Join(ClusterMember{ID: "api-0", Reads: LevelContract})
		awaitLevel(t, s, LevelContract)
		ctx := within(t, time.Minute)
		pin := func(l Level, by string) Pin { return Pin{Level: l, By: by, Since: time.Now()} }
		note := func(what string) NoteWrite {
			return NoteWrite{Name: "said/" + what, Value: []byte("{}"), Keep: time.Hour}
		}
		if err := s.PinLevel(ctx, pin(LevelNow, "platform"), note("refused")); !errors.Is(err, ErrNotTheLevel) {
			t.Errorf("a level that the cluster does not have is pinned: %v", err)
		}
		if s.Cluster().Pin != nil {
			t.Error("there is a pin")
		}
		if err := s.PinLevel(ctx, pin(LevelContract, "platform"), note("pinned")); err != nil {
			t.Fatal(err)
		}
		first := s.Cluster().Pin
		if first == nil || first.Level != LevelContract || first.By != "platform" || first.Since.IsZero() {
			t.Fatalf("the pin is %+v", first)
		}
		if err := s.PinLevel(ctx, pin(LevelContract, "somebody else"), note("again")); err != nil || s.Cluster().Pin.By != "platform" {
			t.Errorf("pinned again: %v, %+v", err, s.Cluster().Pin)
		}

		// Two stores keep the level, and neither raises it.
		other := open(t, e.config())
		other.Join(ClusterMember{ID: "api-2"})
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "the older API has gone, and the other one has come", func() bool {
			members := s.members.View().Members
			return len(members) == 2 && members[0].ID == "api-1" && members[1].ID == "api-2"
		})
		for _, keeper := range []*Store{s, other} {
			var err error
			for err = membership.ErrUnknown; ctx.Err() == nil && (errors.Is(err, membership.ErrUnknown) || keeper.Cluster().Pin == nil); time.Sleep(5 * time.Millisecond) {
				err = keeper.members.Adjust(ctx, keeper.members.View())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		var why *LevelError
		if err := s.permit(&draft{needs: LevelNow}); !errors.As(err, &why) || why.Pin == nil || len(why.Holdouts) != 0 {
			t.Errorf("a write of level %d while it is held below: %v, want the pin to be named", LevelNow, err)
		}

		low, err := Open(t.Context(), e.config())
		if err != nil {
			t.Fatal(err)
		}
		low.Join(ClusterMember{ID: "api-0", Reads: LevelFirst})
		awaitLevel(t, s, LevelFirst)
		if err := low.Close(); err != nil {
			t.Fatal(err)
		}
		awaitLevel(t, s, LevelContract)
		for _, n := range []string{"unpinned", "nothing"} { // a second time there is nothing to do
			if err := s.UnpinLevel(ctx, note(n)); err != nil {
				t.Fatal(err)
			}
		}
		if notes, err := s.Notes(ctx, "said/", "", 10); err != nil || len(notes) != 2 || notes[0].Name != "said/pinned" || notes[1].Name != "said/unpinned" {
			t.Errorf("noted is %+v, %v; want what was done, and nothing else", notes, err)
		}
		awaitLevel(t, s, LevelNow)
	})
}
