package link

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Route is this process's way to etcd: the one member that requests and feeds
// go to. The etcd client would spread requests over all members, and one that
// hangs holds up every third of them for as long as a request may take. So when
// a request is late, or fails for want of a connection, all members are asked
// for the same thing at once; if the one in use does not answer and another one
// does, everybody moves there.
type Route struct {
	cfg   Config
	key   string // what members are asked for
	ctx   context.Context
	spawn func(func())

	term atomic.Uint64 // the latest of raft's terms that an answer told of

	mu        sync.Mutex
	at        int // in cfg.Endpoints
	here      context.Context
	leave     context.CancelFunc // ends here
	follow    func(endpoint string)
	searching chan struct{} // closed when the search that is under way ends; nil: none is
	found     error         // why no member serves, as last found; nil: one does
	changed   func()        // is called when found changes
	wrote     func(error)   // is told what became of each write
}

const (
	// lateAfter is how long a request may take before other members are asked.
	lateAfter = 700 * time.Millisecond
	// headStart is how much longer than another member the one in use may take.
	headStart = 300 * time.Millisecond
	// askFor bounds one question to a member, askPause is between two, searchFor one look at all of
	// them, and searchPause is between two.
	askFor      = 300 * time.Millisecond
	askPause    = 50 * time.Millisecond
	searchFor   = time.Second
	searchPause = 200 * time.Millisecond
)

// errMoved ends what goes on with a member that is not in use any more.
var errMoved = errors.New("the member of etcd in use does not answer, and another one does")

// newRoute begins at any member, so that processes are spread over them.
func newRoute(ctx context.Context, cfg Config, key string, spawn func(func())) *Route {
	r := &Route{cfg: cfg, key: key, ctx: ctx, spawn: spawn, at: rand.N(len(cfg.Endpoints)), changed: func() {}, wrote: func(error) {}}
	r.here, r.leave = context.WithCancel(context.Background())
	return r
}

// dial makes a client of the member in use. Its requests are given up when the
// route moves; here ends then.
func (r *Route) dial(more ...grpc.DialOption) (client *clientv3.Client, here context.Context, err error) {
	r.mu.Lock()
	endpoint, here := r.cfg.Endpoints[r.at], r.here
	r.mu.Unlock()
	client, err = r.cfg.dial(endpoint, append(more, grpc.WithChainUnaryInterceptor(r.unary))...)
	return client, here, err
}

// dialMoving makes a client that moves with the route, as its streams do.
func (r *Route) dialMoving(more ...grpc.DialOption) (*clientv3.Client, error) {
	client, _, err := r.dial(append(more, grpc.WithChainStreamInterceptor(r.stream))...)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.follow = func(endpoint string) { client.SetEndpoints(endpoint) }
	r.follow(r.cfg.Endpoints[r.at])
	return client, nil
}

// place is where the route is; the context ends when it moves.
func (r *Route) place() context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.here
}

// Leaderless is the error of a cluster without a leader, if that is why no
// member serves.
func (r *Route) Leaderless() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if errors.Is(r.found, rpctypes.ErrNoLeader) {
		return r.found
	}
	return nil
}

// search has all members asked until one serves, unless that is under way. What
// it returns is closed then, or with the store.
//
//nolint:contextcheck // who searches does so for all
func (r *Route) search() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.searching != nil {
		return r.searching
	}
	done := make(chan struct{})
	if r.ctx.Err() != nil {
		close(done)
		return done
	}
	r.searching = done
	r.spawn(func() {
		for r.ctx.Err() == nil && !r.look() {
			select {
			case <-r.ctx.Done():
			case <-time.After(searchPause):
			}
		}
		r.mu.Lock()
		r.searching = nil
		r.mu.Unlock()
		close(done)
	})
	return done
}

// look asks every member once, and moves if that is better. It reports whether
// any member serves.
func (r *Route) look() bool {
	ctx, cancel := context.WithCancel(r.ctx)
	type answer struct {
		member int
		err    error
	}
	answers := make(chan answer, len(r.cfg.Endpoints))
	var asking sync.WaitGroup
	for i := range r.cfg.Endpoints {
		asking.Go(func() { answers <- answer{i, r.ask(ctx, r.cfg.Endpoints[i])} })
	}
	defer asking.Wait()
	defer cancel()
	r.mu.Lock()
	at := r.at // changed by nobody but this goroutine
	r.mu.Unlock()
	late := time.NewTimer(headStart)
	defer late.Stop()
	other, waits := -1, true // another one that serves; whether the one in use may still answer first
	var failures []error
	for range len(r.cfg.Endpoints) + 1 {
		select {
		case <-late.C:
			waits = false
		case a := <-answers:
			switch {
			case a.err == nil && a.member == at:
				r.conclude(nil)
				return true
			case a.err == nil && other < 0:
				other = a.member
			case a.err != nil:
				failures = append(failures, fmt.Errorf("%s: %w", r.cfg.Endpoints[a.member], a.err))
				waits = waits && a.member != at
			}
		}
		if other >= 0 && !waits {
			r.move(other)
			r.conclude(nil)
			return true
		}
		if len(failures) == len(r.cfg.Endpoints) {
			break
		}
	}
	r.conclude(noneServes(r.Leaderless(), failures))
	return false
}

// noneServes is why no member serves, given how each failed, and that there was no
// leader when they were asked before, if so. Whoever has said that need not say it
// again in time: as long as one is but late, nothing shows that it is otherwise.
func noneServes(leaderless error, failures []error) error {
	found := errors.Join(failures...)
	late := func(err error) bool {
		return errors.Is(err, context.DeadlineExceeded) || status.Code(err) == codes.DeadlineExceeded
	}
	if leaderless != nil && !errors.Is(found, rpctypes.ErrNoLeader) && slices.ContainsFunc(failures, late) {
		return leaderless
	}
	return found
}

// ask finds out whether a member serves reads that need a majority; if it does
// not for want of a leader, it says so.
func (r *Route) ask(ctx context.Context, endpoint string) error {
	client, err := r.cfg.dial(endpoint, grpc.WithChainUnaryInterceptor(interceptRequest))
	if err != nil {
		return err
	}
	defer client.Close()
	conn := client.ActiveConnection()
	for end := time.Now().Add(searchFor); ; {
		if err = r.read(ctx, conn); err == nil {
			return nil
		}
		// What a member asks a leader that is gone gets lost, so it is asked again.
		late := status.Code(err) == codes.DeadlineExceeded || errors.As(err, new(rpctypes.EtcdError))
		if !late || !time.Now().Before(end) {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(askPause):
		}
	}
	limited, cancel := context.WithTimeout(ctx, searchFor/2)
	defer cancel()
	st, unknown := pb.NewMaintenanceClient(conn).Status(limited, &pb.StatusRequest{})
	if unknown == nil && st.Leader == 0 {
		return rpctypes.ErrNoLeader
	}
	return err
}

// read reads a key by way of a majority. Not by the client's own method, which
// tries again and again.
func (r *Route) read(ctx context.Context, conn *grpc.ClientConn) error {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	got, err := pb.NewKVClient(conn).Range(ctx, &pb.RangeRequest{Key: []byte(r.key), KeysOnly: true})
	if err = rpctypes.Error(err); err != nil && !Refused(err) {
		return err
	}
	r.heed(got.GetHeader())
	return nil
}

// move goes over to another member.
func (r *Route) move(to int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cfg.Logger.Info("etcd member in use does not answer; another one does", "left", r.cfg.Endpoints[r.at], "for", r.cfg.Endpoints[to])
	r.at = to
	if r.follow != nil {
		r.follow(r.cfg.Endpoints[to])
	}
	leave := r.leave
	r.here, r.leave = context.WithCancel(context.Background())
	leave() // last: who is told goes to the new one
}

// conclude notes what a look has found.
func (r *Route) conclude(found error) {
	r.mu.Lock()
	differs := (found == nil) != (r.found == nil) || errors.Is(found, rpctypes.ErrNoLeader) != errors.Is(r.found, rpctypes.ErrNoLeader)
	r.found = found
	r.mu.Unlock()
	if differs {
		r.changed()
	}
}

// heed takes note of the term that an answer tells of.
func (r *Route) heed(h *pb.ResponseHeader) {
	for term := h.GetRaftTerm(); ; {
		known := r.term.Load()
		if term <= known || r.term.CompareAndSwap(known, term) {
			return
		}
	}
}
