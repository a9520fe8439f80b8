package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/inquiry"
)

// serveAsks answers until the test ends.
func serveAsks(t *testing.T, s *Store, host string, answer inquiry.Answerer) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.ServeAsks(ctx, host, answer) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("ServeAsks ended with %v", err)
		}
	})
}

func echo(_ context.Context, kind string, body json.RawMessage) (json.RawMessage, error) {
	if kind == "refuse" {
		return nil, errors.New("not that")
	}
	return json.Marshal(kind + string(body))
}

func TestAsk(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		host, api := open(t, e.config()), open(t, e.config())
		serveAsks(t, host, "h1", echo)
		var wg sync.WaitGroup
		for i := range 100 { // at the same time
			wg.Go(func() {
				got, err := api.Ask(within(t, patience), "h1", "k", json.RawMessage(fmt.Sprint(i)))
				if want := fmt.Sprintf("%q", fmt.Sprint("k", i)); err != nil || string(got) != want {
					t.Errorf("answer %s, %v, want %s", got, err, want)
				}
			})
		}
		wg.Wait()
		var refused *inquiry.AnswerError
		if _, err := api.Ask(within(t, patience), "h1", "refuse", nil); !errors.As(err, &refused) || refused.Text != "not that" || refused.Host != "h1" {
			t.Errorf("a refusal is %v", err)
		}
		if _, err := api.Ask(t.Context(), "a/b", "k", nil); err == nil {
			t.Error("a host with a slash was asked")
		}
		eventuallyNoAsks(t, api)
	})
}

// TestAskOfABusyHost: who asks one question too many is told so at once, and it is
// counted; the next is answered when there is room.
func TestAskOfABusyHost(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		host, api := open(t, e.config()), open(t, e.config())
		host.questions.Waiting = 2
		begun, release := make(chan struct{}, 2), make(chan struct{})
		serveAsks(t, host, "h1", func(ctx context.Context, kind string, body json.RawMessage) (json.RawMessage, error) {
			if kind == "slow" {
				begun <- struct{}{}
				<-release
			}
			return echo(ctx, kind, body)
		})
		var slow sync.WaitGroup
		for range 2 {
			slow.Go(func() {
				if got, err := api.Ask(within(t, patience), "h1", "slow", nil); err != nil || string(got) != `"slow"` {
					t.Errorf("answer %s, %v", got, err)
				}
			})
			<-begun
		}
		var refused *inquiry.AnswerError
		if _, err := api.Ask(within(t, patience), "h1", "k", nil); !errors.As(err, &refused) || !strings.HasPrefix(refused.Text, "busy: 2 questions ") {
			t.Errorf("one question too many: %v", err)
		}
		if n := host.RefusedAsks(); n != 1 {
			t.Errorf("%d questions are counted", n)
		}
		close(release)
		slow.Wait()
		// A host makes room just after it has answered.
		for ctx := within(t, patience); ; time.Sleep(time.Millisecond) {
			got, err := api.Ask(ctx, "h1", "k", json.RawMessage("1"))
			if errors.As(err, &refused) && strings.HasPrefix(refused.Text, "busy: ") {
				continue
			}
			if err != nil || string(got) != `"k1"` {
				t.Errorf("answer %s, %v", got, err)
			}
			break
		}
	})
}

// TestAskOfNobody does not wait for longer than its context, and leaves nothing.
func TestAskOfNobody(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		if _, err := s.Ask(within(t, 100*time.Millisecond), "nobody", "k", nil); !errors.Is(err, inquiry.ErrNoAnswer) {
			t.Errorf("asked nobody: %v, want inquiry.ErrNoAnswer", err)
		}
		eventuallyNoAsks(t, s)
		// Who begins to serve while a question is open answers it.
		type result struct {
			body []byte
			err  error
		}
		got := make(chan result, 1)
		go func() {
			b, err := s.Ask(within(t, patience), "late", "k", nil)
			got <- result{b, err}
		}()
		for countAsks(t, s) == 0 {
			time.Sleep(time.Millisecond)
		}
		serveAsks(t, s, "late", echo)
		if r := <-got; r.err != nil || string(r.body) != `"k"` {
			t.Errorf("answer %s, %v", r.body, r.err)
		}
	})
}

// TestAskAfterTheLease asks although etcd forgot the lease of questions.
func TestAskAfterTheLease(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		serveAsks(t, s, "h1", echo)
		for range 2 {
			if _, err := s.Ask(within(t, patience), "h1", "k", nil); err != nil {
				t.Fatal(err)
			}
			r, err := s.link.Client.Leases(t.Context())
			if err != nil || len(r.Leases) == 0 {
				t.Fatalf("leases %v, %v", r.Leases, err)
			}
			for _, l := range r.Leases {
				if _, err := s.link.Client.Revoke(t.Context(), l.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func countAsks(t *testing.T, s *Store) int64 {
	t.Helper()
	r, err := s.link.Client.Get(within(t, patience), s.link.Keys.Prefix+"ask/", clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		t.Fatal(err)
	}
	return r.Count
}

func eventuallyNoAsks(t *testing.T, s *Store) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); countAsks(t, s) != 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("questions stay behind")
		}
	}
}
