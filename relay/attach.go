package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/secgroup"
)

// Attach serves the stream of one host. A panic is the end of that stream alone.
func (r *Relay) Attach(st stream) (err error) {
	defer r.metrics.recoverPanic(r.log, &err)
	err = r.attach(st)
	if end, ok := errors.AsType[*ending](err); ok {
		return status.Error(end.code, end.reason)
	}
	return err
}

// goodbyePatience is how long a host that does not read is waited for before its stream
// ends without a goodbye.
const goodbyePatience = 5 * time.Second

func (r *Relay) attach(st stream) error {
	hello, err := r.hello(st)
	elsewhere := false // the host's policy is of a history that the store does not have
	if err == nil {
		elsewhere, err = r.awaitRevision(st.Context(), hello.GetHas())
	}
	var s *session
	if err == nil {
		err = r.checkName(hello)
	}
	if err == nil {
		r.expect(hello.GetHost())
		if err = r.claim(st.Context(), hello); err == nil {
			s, err = r.openSession(st.Context(), hello, elsewhere)
		}
		r.came(hello.GetHost())
	}
	if err != nil {
		if end, ok := errors.AsType[*ending](err); ok {
			r.metrics.refused.WithLabelValues(end.code.String()).Inc()
			r.log.Warn("host refused", "host", hello.GetHost(), "machine", hello.GetMachine(), "reason", end.reason)
			_ = st.Send(end.goodbye()) // the status says the same
		}
		return err
	}
	defer r.closeSession(s)
	r.log.Info("host attached", "host", s.host, "machine", hello.GetMachine(), "version", hello.GetProgram(), "nics", len(hello.GetPlugs().GetPlugged()))
	run := func(fn func(stream) error) <-chan error {
		ended := make(chan error, 1)
		go func() {
			var err error
			defer func() { ended <- err }()
			defer r.metrics.recoverPanic(r.log, &err)
			err = fn(st)
		}()
		return ended
	}
	received, sent := run(s.receive), run(s.send)
	go s.keepProving()
	select {
	case err = <-received:
	case err = <-sent:
	case <-s.ctx.Done():
		err = context.Cause(s.ctx)
		select {
		case <-sent: //nolint:errcheck // it has said goodbye, and the session knows why
		case <-time.After(goodbyePatience):
		}
	}
	r.log.Info("host detached", "host", s.host, "reason", err)
	return err
}

// keepProving checks the session's credential every timing.prove, and ends the session when
// it is not good any more.
func (s *session) keepProving() {
	tick := time.NewTicker(s.relay.cfg.timing.prove)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.relay.authorize(s.ctx, s.host); err != nil {
			s.end(err)
			return
		}
	}
}

// hello reads the host's first message. It returns an *ending if that makes no sense, or if
// the stream's credentials are not the host's.
func (r *Relay) hello(st stream) (*wire.Hello, error) {
	got := make(chan error, 1)
	var hello *wire.Hello
	go func() {
		m, err := st.Recv()
		hello = m.GetHello()
		got <- err
	}()
	select {
	case err := <-got:
		if err != nil {
			return nil, err
		}
	case <-time.After(r.cfg.timing.hello):
		return nil, refused(codes.DeadlineExceeded, "no hello within %v", r.cfg.timing.hello)
	}
	switch {
	case hello == nil:
		return nil, refused(codes.InvalidArgument, "the first message is no hello")
	case !secgroup.ValidHost(hello.GetHost()):
		return hello, refused(codes.InvalidArgument, "host %q: a host's name is 1-64 printable characters without space and /", hello.GetHost())
	case hello.GetInstance() == "":
		return hello, refused(codes.InvalidArgument, "the hello has no instance")
	case len(hello.GetPlugs().GetPlugged()) > maxPlugged:
		return hello, refused(codes.ResourceExhausted, "%d NICs are plugged, and a host may have %d", len(hello.GetPlugs().GetPlugged()), maxPlugged)
	}
	if _, err := wire.Agree(hello.GetVersion()); err != nil {
		return hello, refused(codes.FailedPrecondition, "%v", err)
	}
	if err := r.authorize(st.Context(), hello.GetHost()); err != nil {
		return hello, err
	}
	return hello, nil
}

// awaitRevision waits until the relay's policy is no older than the host's. If etcd itself
// is behind the host's revision, as after it was restored from a backup, there is nothing
// to wait for, and elsewhere is true: the host's policy is of another history.
func (r *Relay) awaitRevision(ctx context.Context, has *wire.Point) (elsewhere bool, err error) {
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-r.loaded:
	}
	for since := time.Now(); ; {
		r.mu.Lock()
		at, moved := r.at.revision, r.changed
		r.mu.Unlock()
		if at >= has.GetRevision() {
			return false, nil
		}
		latest, err := r.cfg.Policy.Latest(ctx)
		switch {
		case err != nil:
			r.log.Debug("it is not known whether the policy is as new as a host's; asking again", "error", err)
		case latest < has.GetRevision() && (has.GetMark() != "" || time.Since(since) > unmarkedWait):
			return true, nil // what wrote the host's revision is not there
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-moved:
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// unmarkedWait is how long a host's revision without a mark is waited for, as nothing tells
// whether it is of this history.
const unmarkedWait = 3 * time.Second

// checkName returns an *ending if another machine is attached here under the host's name.
func (r *Relay) checkName(hello *wire.Hello) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.nameFree(hello)
}

func (r *Relay) nameFree(hello *wire.Hello) error {
	old := r.sessions[hello.GetHost()]
	if old == nil || old.instance == hello.GetInstance() {
		return nil
	}
	return &ending{code: codes.AlreadyExists, retryable: true, after: r.cfg.timing.seat,
		reason: fmt.Sprintf("host %s is %s here, attached since %s: two machines cannot stand for one name", old.host, old.hello.GetMachine(), old.since.Format(time.RFC3339))}
}

// openSession creates the session of a host. It ends an earlier session of the same
// machine, and returns an *ending if another machine has the name.
func (r *Relay) openSession(ctx context.Context, hello *wire.Hello, elsewhere bool) (*session, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	host := hello.GetHost()
	if err := r.nameFree(hello); err != nil {
		return nil, err
	}
	if old := r.sessions[host]; old != nil {
		old.end(&ending{code: codes.Aborted, reason: "the host has another stream now", retryable: true})
		r.removeSession(old)
	}
	s := &session{
		relay: r, host: host, instance: hello.GetInstance(), hello: hello, elsewhere: elsewhere, since: time.Now(), wake: make(chan struct{}, 1),
		held: hello.GetHeld(), plugged: map[string]*wire.Plug{}, asks: asks{open: map[uint64]*question{}},
	}
	s.ctx, s.end = context.WithCancelCause(ctx)
	r.sessions[host] = s
	s.control = append(s.control, &wire.ToHost{Kind: &wire.ToHost_Welcome{Welcome: &wire.Welcome{
		Version: min(hello.GetVersion(), wire.Version), Relay: r.cfg.Name, Program: r.cfg.Version, At: s.at(),
	}}})
	full := &wire.Plugs{Number: hello.GetPlugs().GetNumber(), Full: true, Plugged: hello.GetPlugs().GetPlugged()}
	s.plug(full)
	s.begin()
	s.sendAllPlugs()
	s.writeAllPlugs()
	r.dirty[s] = struct{}{}
	delete(r.left, host)
	r.wakeAll()
	return s, nil
}

// closeSession is called when a session's stream has ended.
func (r *Relay) closeSession(s *session) {
	s.end(context.Canceled)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.removeSession(s)
}

// removeSession forgets a session, unless another one has replaced it. The caller holds mu.
func (r *Relay) removeSession(s *session) {
	if r.sessions[s.host] == s {
		delete(r.sessions, s.host)
		delete(r.dirty, s)
		r.plugs.dropHolder(s)
		if r.cfg.Board != nil {
			r.left[s.host], r.behind[s.host] = s.lastReport(), s.applied()
		} else {
			delete(r.behind, s.host)
		}
		delete(r.further, s.host)
		r.index.Drop(s.host)
		r.wakeAll()
	}
}

// maxPlugged bounds the NICs that one host may have plugged.
const maxPlugged = 8192
