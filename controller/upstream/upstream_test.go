package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringfence/ringfence/controller/share"
	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/internal/certtest"
	"github.com/ringfence/ringfence/internal/slowness"
	"github.com/ringfence/ringfence/store"
)

// TestTheShareComes: over random histories, with NICs that are plugged and unplugged,
// and relays that go and come, the host has the share of the policy, and counts as at
// its revision when it has applied it, and not before.
func TestTheShareComes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			g, changes, nics := town(seed)
			p := newPlatform(t, changes...)
			relays := []*served{p.serve("a", nil), p.serve("b", nil)}
			h := p.host(t, "h1", Config{Relays: []string{relays[0].addr, relays[1].addr}}, nics[:4]...)
			draw := rand.New(rand.NewPCG(seed, 1))
			for step := range 40 {
				name, rev := p.step(g)
				switch draw.IntN(4) {
				case 0:
					n := draw.IntN(len(nics) + 1)
					h.plug(nics[n/2 : n]...)
				case 1:
					if step%8 != 0 {
						break
					}
					relays[step/8%2].start(fmt.Sprint("relay-", step)) // the host may have its stream there
				}
				h.has(fmt.Sprintf("step %d, %s, revision %d", step, name, rev), p)
			}
			rev, _ := p.Latest(t.Context())
			p.until("the host is at the last revision", func() bool {
				s := p.stands[p.said["h1"].Relay]
				_, behind := s.Behind["h1"]
				return s.Revision == rev && !behind
			})
		})
	}
}

// TestAHostThatComesAgain: is told what differs from what it has, and not the rest, and
// that it may be of another history; it counts as where it is once it has applied that.
func TestAHostThatComesAgain(t *testing.T) {
	t.Parallel()
	g, changes, nics := town(5)
	p := newPlatform(t, changes...)
	r := p.serve("a", nil)
	h := p.host(t, "h1", Config{Relays: []string{r.addr}}, nics...)
	h.has("the beginning", p)
	p.at("h1", "a", 1)
	if u := h.last(); h.updates[0].Anew != true || u.Delta.NICs == nil {
		t.Fatalf("the first update is %+v", h.updates[0])
	}
	for i, name := range []string{"b", "c", "d"} {
		h.stick(true)
		r.stop()
		p.until("the host has left", func() bool {
			relay, _, _ := h.Attached()
			return relay == "" || p.said["h1"].Relay == ""
		})
		changed := 0
		if i > 0 { // else nothing has changed
			p.step(g)
			changed = 1
		}
		h.mu.Lock()
		before := len(h.updates)
		h.mu.Unlock()
		r.start(name)
		h.has(name, p)
		p.until("the host is there, and behind", func() bool {
			_, behind := p.stands[name].Behind["h1"]
			return p.said["h1"].Relay == name && behind
		})
		h.stick(false)
		h.applied(h.last().Number)
		p.at("h1", name, p.rev)
		h.mu.Lock()
		for j, u := range h.updates[before:] {
			if d := u.Delta; d.Full || u.Anew != (j == 0) || changed == 0 && !d.Empty() || len(d.NICs) == len(nics) {
				t.Errorf("%s: update %d brings %+v", name, j, u)
			}
		}
		h.mu.Unlock()
	}
}

// TestAppliedIsToldOnceItIs: a host that applies nothing is behind, is sent whatever
// comes all the same, and is where it says it is when it does.
func TestAppliedIsToldOnceItIs(t *testing.T) {
	t.Parallel()
	g, changes, nics := town(7)
	p := newPlatform(t, changes...)
	r := p.serve("a", nil)
	h := p.host(t, "h1", Config{Relays: []string{r.addr}}, nics...)
	h.has("the beginning", p)
	p.at("h1", "a", 1)
	h.stick(true)
	first := int64(0)
	for range 60 { // more than a relay keeps apart
		if _, rev := p.step(g); first == 0 {
			first = rev
		}
		h.has("a change that is not applied", p)
	}
	p.until("the host is behind", func() bool {
		is, behind := p.stands["a"].Behind["h1"]
		return behind && is < p.rev
	})
	h.applied(h.last().Number)
	p.at("h1", "a", p.rev)
	h.stick(false)
	h.report(store.HostStatus{Connected: false, Errors: []string{"no switch"}, Flows: 7, NICs: []store.HostNIC{{ID: nics[0], OFPort: 3, Error: "no port"}}})
	p.until("what the host says of itself", func() bool {
		s := p.said["h1"]
		if is, behind := p.stands["a"].Behind["h1"]; !behind || is != 0 {
			return false // its switch is away: nothing is in force
		}
		return !s.Connected && len(s.Errors) == 1 && s.Flows == 7 && len(s.NICs) == len(nics) && s.Instance == "instance-of-h1" && s.Started.Equal(time.Unix(1, 0))
	})
	h.report(store.HostStatus{Connected: true, Applied: p.rev})
	p.at("h1", "a", p.rev)
}

// TestNICByNIC: which NICs are further than the host as a whole comes to the board, and
// is told anew on the next stream.
func TestNICByNIC(t *testing.T) {
	t.Parallel()
	g, changes, nics := town(8)
	p := newPlatform(t, changes...)
	r := p.serve("a", nil)
	h := p.host(t, "h1", Config{Relays: []string{r.addr}}, nics...)
	h.has("the beginning", p)
	p.at("h1", "a", 1)
	h.stick(true)
	from := h.last().Number
	h.mu.Lock()
	begun := len(h.updates)
	h.mu.Unlock()
	some := func() int { h.mu.Lock(); defer h.mu.Unlock(); return len(h.updates) - begun }
	for some() < 3 {
		p.step(g)
		h.has("a change", p)
	}
	last := h.last().Number
	h.Applied(share.InForce{Whole: from, Latest: last, Behind: map[string]uint64{nics[0]: from, nics[1]: last - 1}})
	p.until("two NICs are held up", func() bool {
		s := p.stands["a"]
		f, at := s.Further["h1"], s.Behind["h1"]
		return at > 0 && f.Latest == p.rev && len(f.Behind) == 2 && f.Behind[nics[0]] == at && f.Behind[nics[1]] > at && f.Behind[nics[1]] < p.rev
	})
	h.Applied(share.InForce{Whole: last - 1, Latest: last, Behind: map[string]uint64{nics[1]: last - 1}})
	p.until("one is", func() bool {
		s := p.stands["a"]
		f, at := s.Further["h1"], s.Behind["h1"]
		return at > 0 && f.Latest == p.rev && len(f.Behind) == 1 && f.Behind[nics[1]] == at
	})
	h.applied(last)
	p.until("none is", func() bool { return len(p.stands["a"].Further)+len(p.stands["a"].Behind) == 0 })
}

// serveTwo serves two relays, by their names, and returns where hosts reach them.
func (p *platform) serveTwo() (relays map[string]*served, addrs []string) {
	p.t.Helper()
	relays = map[string]*served{}
	for _, name := range []string{"a", "b"} {
		relays[name] = p.serve(name, nil)
		addrs = append(addrs, relays[name].addr)
	}
	return relays, addrs
}

// TestAnotherRelay: a host leaves a relay that has gone, that hangs while another one
// answers, and that is stopped in order; and stays where nobody else answers.
func TestAnotherRelay(t *testing.T) {
	t.Parallel()
	g, changes, nics := town(3)
	p := newPlatform(t, changes...)
	relays, addrs := p.serveTwo()
	h := p.host(t, "h1", Config{Relays: addrs, timing: timing{alive: 50 * time.Millisecond, answer: 2 * time.Second}}, nics...)
	h.has("the beginning", p)
	at := func() *served {
		var r *served
		p.until("the host has a relay", func() bool { r = relays[p.said["h1"].Relay]; return r != nil && r.Hosts() == 1 })
		return r
	}
	change := func(what string) {
		t.Helper()
		p.step(g)
		h.has(what, p)
	}
	hung := at()
	hung.way.hold(true)
	change("a relay hangs")
	now := at()
	p.until("it is at another one", func() bool { now = relays[p.said["h1"].Relay]; return now != nil && now != hung })
	// Now nobody else answers: the host stays, for longer than it waits for an answer
	// and asks others, and goes on when the relay does.
	streams := now.Hosts()
	now.way.hold(true)
	time.Sleep(3 * time.Second)
	now.way.hold(false)
	change("it goes on")
	if relay, _, _ := h.Attached(); streams != 1 || relay != now.addr {
		t.Errorf("it left a relay for one that does not answer: %d, %s", streams, relay)
	}
	hung.way.hold(false)
	now.stop()
	change("a relay stops")
	if relay, _, _ := h.Attached(); relay != hung.addr {
		t.Errorf("it is at %q", relay)
	}
}

// TestARelayThatHangsIsLeftSoon: a VM may just be moved, and a second is promised.
func TestARelayThatHangsIsLeftSoon(t *testing.T) {
	t.Parallel()
	g, changes, nics := town(3)
	p := newPlatform(t, changes...)
	relays, addrs := p.serveTwo()
	h := p.host(t, "h1", Config{Relays: addrs}, nics...)
	h.has("the beginning", p)
	var hangs *served
	p.until("the host has a relay", func() bool {
		hangs = relays[p.said["h1"].Relay]
		return hangs != nil && hangs.Hosts() == 1
	})
	// Once to be there, 0.25 to 0.5 s until it is asked, 0.5 s until it is late.
	slowness.Within(t, 1300*time.Millisecond, "a change that is written while its relay hangs", func() {
		hangs.way.hold(true)
		p.step(g)
		h.has("a relay hangs", p)
	})
	hangs.way.hold(false)
}

// TestAHostThatIsAdmittedLate: relays read their tokens every second, and a host whose
// controller is started before that is not left without a policy for long.
func TestAHostThatIsAdmittedLate(t *testing.T) {
	t.Parallel()
	_, changes, nics := town(1)
	p := newPlatform(t, changes...)
	var admitted atomic.Bool
	token := func() (string, error) {
		if admitted.Load() {
			return "of-h1", nil
		}
		return "unknown yet", nil
	}
	slowness.Within(t, 3*time.Second, "a policy for a host that is admitted a moment after it was refused", func() {
		h := p.host(t, "h1", Config{Relays: []string{p.serve("a", nil).addr}, Token: token}, nics...)
		p.until("the host is refused", func() bool {
			_, _, why := h.Attached()
			_, refused := errors.AsType[*refusal](why)
			return refused
		})
		admitted.Store(true)
		h.has("the share", p)
	})
}

// TestAHostSpeaksForItself: neither a token nor a certificate of one host is good for
// another one; no share comes, and the host says why.
func TestAHostSpeaksForItself(t *testing.T) {
	t.Parallel()
	_, changes, nics := town(1)
	p := newPlatform(t, changes...)
	pair := func(name string) (tls.Certificate, []byte) {
		cert, key := certtest.Make(t, name, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		made, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		return made, cert
	}
	server, serverCA := pair("relay")
	one, oneCA := pair("h1")
	hosts, roots := x509.NewCertPool(), x509.NewCertPool()
	hosts.AppendCertsFromPEM(oneCA)
	roots.AppendCertsFromPEM(serverCA)
	plain := p.serve("plain", nil)
	secure := p.serve("secure", &tls.Config{Certificates: []tls.Certificate{server}, ClientCAs: hosts, ClientAuth: tls.VerifyClientCertIfGiven, MinVersion: tls.VersionTLS13})
	by := func(certs ...tls.Certificate) func() *tls.Config {
		return func() *tls.Config {
			return &tls.Config{RootCAs: roots, Certificates: certs, MinVersion: tls.VersionTLS13}
		}
	}
	token := func(s string) func() (string, error) { return func() (string, error) { return s, nil } }
	stranger, _ := pair("h1")
	for _, c := range []struct {
		what, host string
		relay      *served
		cfg        Config
		refused    string // "": it is not
	}{
		{"a token of its own", "h1", plain, Config{Token: token("of-h1")}, ""},
		{"another host's token", "h2", plain, Config{Token: token("of-h1")}, "the credential is of host h1, and not of h2"},
		{"no token that is one", "h1", plain, Config{Token: token("guessed")}, "the token is not valid"},
		{"nothing at all", "h1", plain, Config{Token: token("")}, "neither a client certificate nor a token"},
		{"a certificate of its own", "h1", secure, Config{Token: token(""), TLS: by(one)}, ""},
		{"another host's certificate", "h2", secure, Config{Token: token(""), TLS: by(one)}, "the credential is of host h1, and not of h2"},
		{"a certificate of nobody's", "h1", secure, Config{Token: token(""), TLS: by(stranger)}, "tls: unknown certificate authority|broken pipe|connection reset"},
		{"a relay that is not the CA's", "h1", secure, Config{Token: token("of-h1"), TLS: func() *tls.Config {
			return &tls.Config{RootCAs: hosts, MinVersion: tls.VersionTLS13}
		}}, "certificate"},
		{"no TLS where there is to be some", "h1", plain, Config{Token: token("of-h1"), TLS: by()}, "TLS"},
	} {
		t.Run(c.what, func(t *testing.T) {
			var said logs
			c.cfg.Relays, c.cfg.Logger = []string{c.relay.addr}, slog.New(slog.NewTextHandler(&said, nil))
			c.cfg.timing.connect = patience
			h := p.host(t, c.host, c.cfg, nics...)
			if c.refused == "" {
				h.has("the share", p)
				return
			}
			said.await(t, c.refused)
			if len(h.updates) > 0 {
				t.Errorf("a share came: %+v", h.last())
			}
		})
	}
}

// logs is what a host says.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logs) await(t *testing.T, words string) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		l.mu.Lock()
		text := l.text.String()
		l.mu.Unlock()
		if regexp.MustCompile(words).MatchString(text) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%q is not said, but\n%s", words, text)
		}
	}
}

// TestQuestionsAreAnswered: short and long ones, at a revision that the host need not
// have heard of; a panic is that question's; one that nobody waits for any more ends.
func TestQuestionsAreAnswered(t *testing.T) {
	t.Parallel()
	_, changes, nics := town(2)
	p := newPlatform(t, changes...)
	r := p.serve("a", nil)
	h := p.host(t, "h1", Config{Relays: []string{r.addr}}, nics[0])
	h.has("the beginning", p)
	p.at("h1", "a", 1)
	begun, ended := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_ = h.ServeAsks(ctx, "h1", func(ctx context.Context, kind string, body json.RawMessage) (json.RawMessage, error) {
			switch kind {
			case "panic":
				panic("as a test will have it")
			case "fail":
				return nil, errors.New("it does not work")
			case "long":
				return json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`), nil
			case "wait":
				close(begun)
				<-ctx.Done()
				close(ended)
				return nil, ctx.Err()
			}
			return json.RawMessage(fmt.Sprintf(`[%s,%d]`, body, h.Reached(h.last().Revision))), nil
		})
	}()
	ask := func(kind string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		b, err := r.Ask(ctx, "h1", kind, json.RawMessage(`"q"`))
		return string(b), err
	}
	var answer string
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if answer, err = ask("echo"); err == nil || !strings.Contains(err.Error(), "answers no questions yet") {
			break
		}
	}
	if err != nil || answer != `["q",1]` {
		t.Errorf("%q, %v", answer, err)
	}
	for range 4 { // of no concern to the host
		p.write()
	}
	p.at("h1", "a", p.rev)
	if answer, err = ask("echo"); err != nil || answer != fmt.Sprintf(`["q",%d]`, p.rev) {
		t.Errorf("after changes of no concern: %q, %v", answer, err)
	}
	if answer, err = ask("long"); err != nil || len(answer) != 1<<20+2 {
		t.Errorf("%d bytes, %v", len(answer), err)
	}
	for kind, words := range map[string]string{"panic": "an internal error", "fail": "it does not work"} {
		var refusal *inquiry.AnswerError
		if _, err = ask(kind); !errors.As(err, &refusal) || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	// Who asked gives up when the host is at it: it would not hear of a question that is
	// taken back before it was sent.
	asking, leave := context.WithTimeout(t.Context(), patience)
	defer leave()
	go func() {
		select {
		case <-begun:
			leave()
		case <-asking.Done():
		}
	}()
	if _, err := r.Ask(asking, "h1", "wait", nil); !errors.Is(err, inquiry.ErrNoAnswer) || !errors.Is(err, context.Canceled) {
		t.Errorf("nobody waited: %v", err)
	}
	select {
	case <-ended:
	case <-time.After(patience):
		t.Error("a question goes on that nobody waits for")
	}
}

// TestRelaysJudge: in the order of the connections, more than one batch; and nobody
// does while no relay is there.
func TestRelaysJudge(t *testing.T) {
	t.Parallel()
	_, changes, _ := town(5)
	p := newPlatform(t, changes...)
	r := p.serve("a", nil)
	var conns []impact.Open
	var nics []string
	all := p.policy.NICs()
	for _, n := range all {
		nics = append(nics, n.ID)
		for _, m := range all {
			for _, src := range m.Addresses {
				for _, dst := range n.Addresses {
					if src.Is4() == dst.Is4() {
						conns = append(conns, openFrom(n.ID, src, dst), openFrom(m.ID, src, dst))
					}
				}
			}
		}
	}
	for len(conns) < judgeBatch+100 {
		conns = append(conns, conns...)
	}
	want, yes := impact.AllowedAll(p.policy, conns), 0
	h := p.host(t, "h1", Config{Relays: []string{r.addr}}, nics...)
	h.has("the beginning", p)
	got, err := h.Judge(t.Context(), conns)
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d of %d: %v", len(got), len(want), err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%+v: %t, by the whole policy %t", conns[i], got[i], want[i])
		}
		if want[i] {
			yes++
		}
	}
	if yes == 0 || yes == len(want) {
		t.Errorf("%d of %d are allowed: that shows nothing", yes, len(want))
	}
	r.stop()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if _, err = h.Judge(t.Context(), conns[:1]); errors.Is(err, ErrAway) {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("no relay is there: %v", err)
		}
	}
}
