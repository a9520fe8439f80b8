package relay

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/secgroup"
)

// maxPlugged bounds the NICs that one host may have plugged.
const maxPlugged = 8192

// ending is why a stream ends, as the host is told: the message, whether it may try again,
// and after which time.
type ending struct {
	code      codes.Code
	reason    string
	retryable bool
	after     time.Duration
}

func (l *ending) Error() string { return l.reason }

func (l *ending) goodbye() *wire.ToHost {
	return &wire.ToHost{Kind: &wire.ToHost_Goodbye{Goodbye: &wire.Goodbye{Reason: l.reason, Retryable: l.retryable, AfterMs: l.after.Milliseconds()}}}
}

func refused(code codes.Code, format string, a ...any) *ending {
	return &ending{code: code, reason: fmt.Sprintf(format, a...)}
}

// stream is the two-way stream of a host.
type stream = grpc.BidiStreamingServer[wire.FromHost, wire.ToHost]

// Attach serves the stream of one host. A panic is the end of that stream alone.
func (r *Relay) Attach(st stream) (err error) {
	defer r.metrics.recoverPanic(r.log, &err)
	err = r.attach(st)
	var l *ending
	if errors.As(err, &l) {
		return status.Error(l.code, l.reason)
	}
	return err
}

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
		var l *ending
		if errors.As(err, &l) {
			r.metrics.refused.WithLabelValues(l.code.String()).Inc()
			r.log.Warn("host refused", "host", hello.GetHost(), "machine", hello.GetMachine(), "reason", l.reason)
			_ = st.Send(l.goodbye()) // it hears of it by the status, too
		}
		return err
	}
	defer r.closeSession(s)
	r.log.Info("host attached", "host", s.host, "machine", hello.GetMachine(), "version", hello.GetProgram(), "nics", len(hello.GetPlugs().GetPlugged()))
	ended := make(chan error, 2) // one for each of the two below
	run := func(fn func(stream) error) {
		go func() {
			var err error
			defer func() { ended <- err }()
			defer r.metrics.recoverPanic(r.log, &err)
			err = fn(st)
		}()
	}
	run(s.receive)
	run(s.send)
	go s.keepProving()
	select {
	case err = <-ended:
	case <-s.ctx.Done():
		err = context.Cause(s.ctx)
		select {
		case <-ended: //nolint:errcheck // send has said goodbye, and the session knows why
		case <-time.After(time.Second): // or the host does not read
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

// send sends what takeOutgoing returns, whenever there is anything, until the session ends.
func (s *session) send(st stream) error {
	for {
		select {
		case <-s.ctx.Done():
			var l *ending
			if errors.As(context.Cause(s.ctx), &l) {
				_ = st.Send(l.goodbye()) // the stream ends with the same
			}
			return context.Cause(s.ctx)
		case <-s.wake:
		}
		s.relay.mu.Lock()
		t := s.takeOutgoing()
		s.relay.mu.Unlock()
		if err := s.write(st, t); err != nil {
			return err
		}
	}
}

func (s *session) write(st stream, t outgoing) error {
	send := func(m *wire.ToHost) error {
		if err := st.Send(m); err != nil {
			return err
		}
		s.relay.metrics.sent.Inc()
		return nil
	}
	welcome := slices.IndexFunc(t.control, func(m *wire.ToHost) bool { return m.GetWelcome() != nil })
	if welcome >= 0 {
		if err := send(t.control[welcome]); err != nil {
			return err
		}
		t.control = slices.Delete(t.control, welcome, welcome+1)
	}
	if t.delta != nil {
		parts, err := s.relay.encoder.Encode(t.toSend(), wire.PartSize)
		if err != nil {
			return err
		}
		for _, m := range parts {
			m.Number, m.At, m.Plugs = t.number, t.at, t.plugs
			if err := send(&wire.ToHost{Kind: &wire.ToHost_Delta{Delta: m}}); err != nil {
				return err
			}
		}
	}
	for _, m := range t.control {
		if err := send(m); err != nil {
			return err
		}
	}
	return nil
}

// receive handles the host's messages until the stream ends.
func (s *session) receive(st stream) error {
	for {
		m, err := st.Recv()
		if err != nil {
			return err
		}
		if err := s.handle(m); err != nil {
			return err
		}
	}
}

func (s *session) handle(m *wire.FromHost) error {
	switch {
	case m.GetJudge() != nil:
		return s.judge(m.GetJudge())
	case m.GetLook() != nil:
		return s.lookUpWrite(m.GetLook())
	}
	r := s.relay
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sessions[s.host] != s {
		return context.Canceled // another stream has its place
	}
	switch {
	case m.GetApplied() != nil:
		if n := len(m.GetApplied().GetBehind()); n > 2*maxPlugged {
			return refused(codes.ResourceExhausted, "%d NICs are behind, and a host may have %d", n, maxPlugged)
		}
		news := s.acknowledge(m.GetApplied().GetDelta())
		if news {
			s.notify() // what waited for room
		}
		if s.setFurther(m.GetApplied()) || news {
			r.wakeAll()
		}
	case m.GetPlugs() != nil:
		if n := len(s.plugged) + len(m.GetPlugs().GetPlugged()); n > 2*maxPlugged {
			return refused(codes.ResourceExhausted, "%d NICs are plugged, and a host may have %d", n, maxPlugged)
		}
		s.plug(m.GetPlugs())
		r.dirty[s] = struct{}{}
		r.wakeAll()
	case m.GetStatus() != nil:
		s.setStatus(m.GetStatus())
	case m.GetAnswer() != nil:
		s.answered(m.GetAnswer())
	}
	return nil
}

// recoverPanic is to be deferred: it turns a panic into an error, counts it, and logs its
// stack.
func (m *metrics) recoverPanic(log interface{ Error(string, ...any) }, err *error) {
	if p := recover(); p != nil {
		m.panics.Inc()
		log.Error("panic in a host's stream", "panic", p, "stack", string(debug.Stack()))
		*err = status.Error(codes.Internal, "the relay failed in this stream")
	}
}
