package store

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestWriteAwaitsTheLevel makes what needs a level that the cluster is about to have.
func TestWriteAwaitsTheLevel(t *testing.T) {
	type cluster struct {
		*testing.T
		e testEtcd
		*Store
	}
	local := put(localNetwork("n"))
	for name, run := range map[string]func(c cluster){
		"it is the first write": func(c cluster) {
			c.Join(ClusterMember{ID: "api-1"})
			mustUpdate(c.T, c.Store, local)
		},
		"another one comes first": func(c cluster) {
			c.Join(ClusterMember{ID: "api-1"})
			mustUpdate(c.T, c.Store, put(account("a")))
			mustUpdate(c.T, c.Store, local)
		},
		"hosts come": func(c cluster) {
			c.Join(ClusterMember{ID: "api-1"})
			var wg sync.WaitGroup
			for i := range 20 {
				host := open(c.T, c.e.config())
				wg.Go(func() {
					if err := host.PutHost(c.Context(), HostStatus{Host: fmt.Sprint("h", i), Instance: "i", Started: time.Now()}); err != nil {
						c.Error(err)
					}
				})
				mustUpdate(c.T, c.Store, put(localNetwork(fmt.Sprint("n", i))))
			}
			wg.Wait()
		},
		"the last older host is forgotten": func(c cluster) {
			c.Join(ClusterMember{ID: "api-1"})
			for i := range 10 {
				awaitLevel(c.T, c.Store, LevelNow)
				if err := c.PutHost(c.Context(), HostStatus{Host: "old"}); err != nil {
					c.Fatal(err)
				}
				awaitLevel(c.T, c.Store, LevelFirst)
				if err := c.DeleteHost(c.Context(), "old"); err != nil {
					c.Fatal(err)
				}
				mustUpdate(c.T, c.Store, put(localNetwork(fmt.Sprint("n", i))))
			}
		},
		"the last older API has gone": func(c cluster) {
			old := open(c.T, c.e.config())
			c.Join(ClusterMember{ID: "api-1"})
			old.Join(ClusterMember{ID: "api-0", Reads: LevelFirst})
			for ctx := within(c.T, patience); len(c.Cluster().Members) < 2; {
				changed := c.members.View().Changed
				select {
				case <-ctx.Done():
					c.Fatal("they did not join")
				case <-changed:
				}
			}
			if err := old.Close(); err != nil { // which revokes its lease
				c.Fatal(err)
			}
			mustUpdate(c.T, c.Store, local)
		},
		"it is not held any more": func(c cluster) {
			c.Join(ClusterMember{ID: "api-1"})
			mustUpdate(c.T, c.Store, put(account("a")))
			if err := c.PinLevel(c.Context(), Pin{Level: c.Cluster().Level}); err != nil && !errors.Is(err, ErrNotTheLevel) {
				c.Fatal(err)
			}
			if err := c.UnpinLevel(c.Context()); err != nil {
				c.Fatal(err)
			}
			mustUpdate(c.T, c.Store, local)
		},
	} {
		t.Run(name, func(t *testing.T) {
			withEtcd(t, func(t *testing.T, e testEtcd) { run(cluster{t, e, open(t, e.config())}) })
		})
	}
}

// TestWriteDoesNotAwaitInVain refuses at once what nobody is about to permit, and says why.
func TestWriteDoesNotAwaitInVain(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		cfg := e.config()
		cfg.RequestTimeout = patience
		s := open(t, cfg)
		refused := func(what string) *LevelError {
			t.Helper()
			_, err := s.Update(within(t, patience/2), put(localNetwork("n"))) // its end would be another error
			level, is := errors.AsType[*LevelError](err)
			if !is {
				t.Fatalf("%s: %v, want ErrLevel", what, err)
			}
			return level
		}
		refused("no API is there, and nothing was written")
		mustUpdate(t, s, put(account("a")))
		refused("no API is there")
		if err := s.PutHost(t.Context(), HostStatus{Host: "old"}); err != nil {
			t.Fatal(err)
		}
		s.Join(ClusterMember{ID: "api-1"})
		if level := refused("a host is older"); len(level.Holdouts) != 1 || !strings.Contains(level.Error(), "old") {
			t.Errorf("the reason is %v", level)
		}
	})
}

// TestRiseEndsWithTheStore: who waits for the level does not outlive the store, and is told what
// came up meanwhile.
func TestRiseEndsWithTheStore(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		cfg := e.config()
		cfg.RequestTimeout = patience
		begin := func() (*Store, chan error) {
			s := open(t, cfg)
			if err := s.AdoptCluster(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.members.View()
			told := make(chan error, 1)
			go func() {
				_, err := s.Update(within(t, patience), put(localNetwork("n")))
				told <- err
			}()
			return s, told
		}
		// An API whose word is kept by nobody: it keeps no level, and so none rises.
		member := open(t, cfg)
		if _, err := member.link.Client.Put(t.Context(), member.link.Keys.API("api-0"), `{"v":1,"reads":3}`); err != nil {
			t.Fatal(err)
		}
		s, told := begin()
		select {
		case err := <-told:
			t.Fatalf("it does not wait: %v", err)
		case <-time.After(300 * time.Millisecond): // some time in which it would have been told
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-told; !errors.Is(err, ErrClosed) {
			t.Errorf("%v, want ErrClosed", err)
		}
		_, told = begin()
		if err := member.PutHost(t.Context(), HostStatus{Host: "old"}); err != nil {
			t.Fatal(err)
		}
		err := <-told
		if level, is := errors.AsType[*LevelError](err); !is || len(level.Holdouts) != 1 {
			t.Errorf("%v, want the host that came meanwhile", err)
		}
	})
}
