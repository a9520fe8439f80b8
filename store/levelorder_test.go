package store

import (
	"slices"
	"testing"
	"time"

	"github.com/ringfence/ringfence/store/internal/membership"
	"github.com/ringfence/ringfence/store/internal/record"
)

// TestLevelStaysWhereHostsStartAgain keeps the level while the report of a
// controller that has been started again, or for the first time, is seen before
// what it says of itself, and lowers it for one that says nothing.
func TestLevelStaysWhereHostsStartAgain(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config()) // no member: its level is adjusted by the test alone
		mustUpdate(t, s, put(account("a")))
		putLevel(t, s, LevelNow)
		awaitLevel(t, s, LevelNow)
		ctx := within(t, time.Minute)
		sees := func(what string, done func() bool) {
			t.Helper()
			for !done() {
				hosts := s.hosts().Changed()
				members := s.members.View().Changed
				select {
				case <-ctx.Done():
					t.Fatal("it does not see", what)
				case <-hosts:
				case <-members:
				case <-time.After(10 * time.Millisecond):
				}
			}
		}
		member := func(host string) (m ClusterMember) {
			for _, m := range s.Cluster().Members {
				if m.ID == host {
					return m
				}
			}
			return m
		}
		started := time.Now()
		run := func(host string, started time.Time) *Store {
			t.Helper()
			controller := open(t, e.config())
			if err := controller.PutHost(ctx, HostStatus{Host: host, Instance: "of " + host, Started: started}); err != nil {
				t.Fatal(err)
			}
			sees("the controller of "+host, func() bool {
				m := member(host)
				reports := slices.ContainsFunc(s.Hosts(), func(h HostStatus) bool {
					return h.Host == host && record.StampOf(h.Started) == record.StampOf(started)
				})
				return reports && m.Seated && record.StampOf(m.Since) == record.StampOf(started)
			})
			return controller
		}
		level := func(seen membership.View) Level {
			t.Helper()
			if err := s.members.Adjust(ctx, seen); err != nil {
				t.Fatal(err)
			}
			r, err := s.link.Client.Get(ctx, s.link.Keys.Level())
			if err != nil {
				t.Fatal(err)
			}
			var c record.ClusterRecord
			if err := record.Unmarshal(r.Kvs[0].Value, &c); err != nil {
				t.Fatal(err)
			}
			return c.Level
		}

		if err := run("h1", started).Close(); err != nil {
			t.Fatal(err)
		}
		sees("that the controller ended", func() bool { return !member("h1").Seated })
		for _, c := range []struct {
			what, host string
			started    time.Time
		}{{"starts again", "h1", started.Add(time.Second)}, {"comes", "h2", started}} {
			// Reports are followed apart from members, and may be seen first.
			earlier := s.members.View()
			run(c.host, c.started)
			if got := level(earlier); got != LevelNow {
				t.Fatalf("level %d when a host %s, want %d", got, c.what, LevelNow)
			}
		}

		old := open(t, e.config())
		if err := old.PutHost(ctx, HostStatus{Host: "h3", Started: started}); err != nil { // takes no seat
			t.Fatal(err)
		}
		sees("the older host", func() bool { return member("h3").ID != "" })
		if got := level(s.members.View()); got != LevelFirst {
			t.Errorf("level %d beside a host that says nothing of what it understands, want %d", got, LevelFirst)
		}
	})
}

// TestLevelIsNotRaisedOverUnseenHosts: members and reports are followed apart, and a host that says
// nothing of what it understands may be there before its report is seen.
func TestLevelIsNotRaisedOverUnseenHosts(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		mustUpdate(t, s, put(account("a")))
		before := etcdRevision(t, s)
		if err := s.PutHost(t.Context(), HostStatus{Host: "old"}); err != nil {
			t.Fatal(err)
		}
		r, err := s.link.Client.Put(t.Context(), s.link.Keys.API("api-1"), `{"v":1,"reads":3}`)
		if err != nil {
			t.Fatal(err)
		}
		m := membership.New(s.link, func() membership.Hosts { return membership.Hosts{Loaded: true, Seen: before} })
		for ctx := within(t, patience); m.View().Seen < r.Header.Revision; {
			select {
			case <-ctx.Done():
				t.Fatal("the API is not seen")
			case <-m.View().Changed:
			}
		}
		if err := m.Adjust(t.Context(), m.View()); err != nil {
			t.Fatal(err)
		}
		level, err := s.link.Client.Get(t.Context(), s.link.Keys.Level())
		if err != nil {
			t.Fatal(err)
		}
		if c := (record.ClusterRecord{}); record.Unmarshal(level.Kvs[0].Value, &c) != nil || c.Level != LevelFirst {
			t.Errorf("level %d over a host that was not seen, want %d", c.Level, LevelFirst)
		}
	})
}
