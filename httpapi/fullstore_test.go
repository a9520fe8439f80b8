package httpapi

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// What etcd says, as it says it.
var (
	errNoSpace  = status.Error(codes.ResourceExhausted, "etcdserver: mvcc: database space exceeded")
	errNoLeader = status.Error(codes.Unavailable, "etcdserver: no leader")
	errDenied   = status.Error(codes.PermissionDenied, "etcdserver: permission denied")
)

// troubledStore takes no writes.
type troubledStore struct {
	Store
	kind, cause error
}

func (s troubledStore) Condition() store.Condition {
	return store.Condition{Kind: s.kind, Cause: s.cause, Since: time.Now()}
}

func (s troubledStore) Check(context.Context) error {
	return &store.OpError{Op: "check", Kind: s.kind, Err: s.cause}
}

func (s troubledStore) Sync(context.Context) error {
	return &store.OpError{Op: "sync", Kind: s.kind, Err: s.cause}
}

func (s troubledStore) Update(context.Context, func(*secgroup.Snapshot) ([]secgroup.Change, error), ...store.UpdateOption) (int64, error) {
	return 0, &store.OpError{Op: "update", Kind: s.kind, Err: s.cause}
}

func (s troubledStore) Cluster() store.Cluster {
	return store.Cluster{Members: []store.ClusterMember{{Kind: store.MemberHost, ID: "h1", Seated: true}, {Kind: store.MemberHost, ID: "h2"}}}
}

func (s troubledStore) Hosts() []store.HostStatus {
	long := time.Now().Add(-time.Hour)
	return []store.HostStatus{{Host: "h1", Seen: long}, {Host: "h2", Seen: long}}
}

// What etcd says is in the problem and in the readiness, and a store that is
// full is no reason to take hosts for dead, which cannot report into it.
func TestTroubledStore(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.must("GET", "/v1/accounts", "") // all is loaded
	sound := s.api.store
	for _, c := range []struct {
		kind, cause error
		code, says  string
	}{
		{store.ErrFull, errNoSpace, "store-full", "database space exceeded"},
		{store.ErrNoLeader, errNoLeader, "store-no-leader", "no leader"},
		{nil, errDenied, "store-unavailable", "permission denied"},
		{store.ErrUnavailable, errors.New("dial tcp 10.0.0.1:2379"), "store-unavailable", "cannot be reached"},
	} {
		s.api.store = troubledStore{Store: sound, kind: c.kind, cause: c.cause}
		for _, r := range [][3]string{{"PUT", web, `{"name":"web"}`}, {"GET", "/readyz", ""}} {
			a := s.do(r[0], r[1], r[2])
			detail := a.text("detail")
			if a.status != 503 || a.text("code") != c.code || a.header.Get("Retry-After") == "" || !strings.Contains(detail, c.says) || strings.Contains(detail, "10.0.0.1") {
				t.Errorf("%v: %s %s: %d %s", c.cause, r[0], r[1], a.status, a.raw)
			}
		}
		if a := s.do("GET", "/v1/accounts", ""); (a.status == 200) != (c.kind == nil || c.kind == store.ErrFull) {
			t.Errorf("%v: a read: %d %s", c.cause, a.status, a.raw)
		}
	}
	s.api.store = troubledStore{Store: sound, kind: store.ErrFull, cause: errNoSpace}
	a := s.must("GET", "/v1/hosts", "")
	a.want(t, map[string]string{"items.0.alive": "true", "items.1.alive": "false"})
	s.api.store = sound
}

// Who asks is not told where the store is, and the log says what the matter was,
// once a second.
func TestLogOfAStoreThatIsAway(t *testing.T) {
	t.Parallel()
	s := serve(t)
	var log bytes.Buffer
	api := New(Config{Store: s.store, Tokens: s.api.tokens, Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	ask := func(path string) int {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("PUT", path, strings.NewReader(`{}`))
		r.Header.Set("Authorization", "Bearer "+admin)
		r.Header.Set("Content-Type", "application/json")
		api.ServeHTTP(w, r)
		return w.Code
	}
	if code := ask(acme); code != 201 {
		t.Fatalf("a store that is there: %d", code)
	}
	api.store = troubledStore{Store: s.store, kind: store.ErrUnavailable, cause: errors.New("dial tcp 10.0.0.1:2379")}
	for range 50 {
		if code := ask(acme); code != 503 {
			t.Errorf("a store that is away: %d", code)
		}
	}
	api.Close() // nobody else writes to the log from here on
	if n := strings.Count(log.String(), "10.0.0.1:2379"); n < 1 || n > 49 || !strings.Contains(log.String(), acme) {
		t.Errorf("said %d times:\n%s", n, log.String())
	}
}
