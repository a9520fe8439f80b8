package store

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/link"
)

// lossy is a wire that loses the answers to some transactions. What is to
// happen to each one is in fates; once they are used up all is well.
type lossy struct {
	clientv3.KV
	mu    sync.Mutex
	fates []fate
	late  []func() // transactions that are still under way
}

type fate uint8

const (
	arrives    fate = iota
	answerLost      // it is carried out
	requestLost
	requestLate // it arrives when the test says so
)

func (l *lossy) Txn(ctx context.Context) clientv3.Txn {
	// A transaction that is lost has been sent all the same.
	link.MarkSent(ctx)
	return &lossyTxn{Txn: l.KV.Txn(context.WithoutCancel(ctx)), wire: l}
}

type lossyTxn struct {
	clientv3.Txn
	wire *lossy
}

func (t *lossyTxn) If(c ...clientv3.Cmp) clientv3.Txn  { t.Txn = t.Txn.If(c...); return t }
func (t *lossyTxn) Then(o ...clientv3.Op) clientv3.Txn { t.Txn = t.Txn.Then(o...); return t }
func (t *lossyTxn) Else(o ...clientv3.Op) clientv3.Txn { t.Txn = t.Txn.Else(o...); return t }

func (t *lossyTxn) Commit() (*clientv3.TxnResponse, error) {
	w := t.wire
	w.mu.Lock()
	next := arrives
	if len(w.fates) > 0 {
		next, w.fates = w.fates[0], w.fates[1:]
	}
	if next == requestLate {
		w.late = append(w.late, func() { _, _ = t.Txn.Commit() }) // nobody waits for the answer
	}
	w.mu.Unlock()
	if next == arrives {
		return t.Txn.Commit()
	}
	if next == answerLost {
		if _, err := t.Txn.Commit(); err != nil {
			return nil, err
		}
	}
	return nil, status.Error(codes.Unavailable, "error reading from server: EOF")
}

// TestOutcomeIsFoundOut loses transactions, or the answers to them.
func TestOutcomeIsFoundOut(t *testing.T) {
	cases := []struct {
		name    string
		fates   []fate
		planned int
	}{
		{"nothing lost", nil, 1},
		{"answer lost", []fate{answerLost}, 1},
		{"request lost", []fate{requestLost}, 2},
		{"request late", []fate{requestLate}, 2},
		{"answer lost, and that to the question", []fate{answerLost, answerLost}, 1},
		{"request lost, and the answer to the question", []fate{requestLost, answerLost}, 2},
		{"request late, and the question lost", []fate{requestLate, requestLost}, 2},
		{"request lost twice", []fate{requestLost, arrives, requestLost}, 3},
	}
	withEtcd(t, func(t *testing.T, e testEtcd) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				cfg := e.config()
				cfg.Prefix = "/" + c.name + "/"
				s := open(t, cfg)
				mustUpdate(t, s, put(account("a")))
				wire := &lossy{KV: s.link.Client.KV, fates: c.fates}
				s.link.Client.KV = wire
				planned := 0
				rev := mustUpdate(t, s, func(snap *snapshot) (changes, error) {
					planned++
					g := group("a", "g")
					g.Description = string(rune('0' + planned))
					return put(g)(snap)
				})
				if planned != c.planned {
					t.Errorf("planned %d times, want %d", planned, c.planned)
				}
				for _, arrive := range wire.late {
					arrive()
				}
				fresh := open(t, cfg)
				g := read(t, fresh, func(s *snapshot) *secgroup.Group { return s.Group(groupRef("a", "g")) })
				if g == nil || g.Revision != rev || g.Description != string(rune('0'+planned)) {
					t.Errorf("in etcd is %+v, want the plan %d at revision %d", g, planned, rev)
				}
			})
		}
	})
}

// TestOutcomeAfterOthersWrote finds a lost answer's write below newer ones.
func TestOutcomeAfterOthersWrote(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s, other := open(t, e.config()), open(t, e.config())
		mustUpdate(t, s, put(account("a"), group("a", "g")))
		d, err := s.draft(s.cache().state.Load(), changes{secgroup.Put(group("a", "mine"))}, nil)
		if err != nil {
			t.Fatal(err)
		}
		wrote := s.commit(t.Context(), d)
		if wrote.outcome != committed {
			t.Fatal(wrote.err)
		}
		lost, err := s.draft(s.cache().state.Load(), changes{secgroup.Put(group("a", "lost"))}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			mustUpdate(t, other, put(group("a", "theirs")))
		}
		if made, head, err := s.resolve(d); err != nil || !made || head.Revision != wrote.rev {
			t.Errorf("resolve of a write at revision %d: %v, %d, %v", wrote.rev, made, head.Revision, err)
		}
		if made, head, err := s.resolve(lost); err != nil || made {
			t.Errorf("resolve of a write that was not made: %v, %d, %v", made, head.Revision, err)
		}
	})
}

// TestOutcomeUnknown keeps etcd away until the store gives up.
func TestOutcomeUnknown(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		cfg := e.config()
		cfg.RequestTimeout = time.Second
		s := open(t, cfg)
		mustUpdate(t, s, put(account("a")))
		wire := &lossy{KV: s.link.Client.KV, fates: []fate{answerLost}}
		for range 1000 {
			wire.fates = append(wire.fates, requestLost)
		}
		s.link.Client.KV = wire
		_, err := s.Update(within(t, patience), put(group("a", "g")))
		if !errors.Is(err, ErrOutcomeUnknown) || !errors.Is(err, ErrUnavailable) {
			t.Errorf("Update returned %v, want ErrOutcomeUnknown, an ErrUnavailable", err)
		}
	})
}

// TestOutcomeForACallerThatLeft reports a write that was made as made, though
// the caller's context ended while the answer was under way.
func TestOutcomeForACallerThatLeft(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		mustUpdate(t, s, put(account("a")))
		ctx, cancel := context.WithCancel(t.Context())
		s.link.Client.KV = &leaving{lossy{KV: s.link.Client.KV, fates: []fate{answerLost}}, cancel}
		rev, err := s.Update(ctx, put(group("a", "g")))
		if err != nil || rev == 0 {
			t.Errorf("Update returned %d, %v", rev, err)
		}
		cancelled, cancel := context.WithCancel(t.Context())
		s.link.Client.KV = &leaving{lossy{KV: s.link.Client.KV.(*leaving).KV, fates: []fate{requestLost}}, cancel}
		if _, err := s.Update(cancelled, put(group("a", "h"))); err == nil {
			t.Error("Update that was not made returned no error")
		}
		if read(t, open(t, e.config()), func(s *snapshot) bool { return s.Group(groupRef("a", "h")) != nil }) {
			t.Error("Update failed, and was made")
		}
	})
}

// leaving is a wire at whose first transaction the caller leaves.
type leaving struct {
	lossy
	leave context.CancelFunc
}

func (l *leaving) Txn(ctx context.Context) clientv3.Txn {
	defer l.leave()
	return l.lossy.Txn(ctx)
}
