package upstream

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/ringfence/ringfence/relay/wire"
	"github.com/ringfence/ringfence/store"
)

// plugLog is what a host hears of plugs.
type plugLog struct {
	mu  sync.Mutex
	all map[plugID]store.Plug
	set chan struct{}
}

func (l *plugLog) All(plugs []store.Plug) {
	l.mu.Lock()
	l.all = map[plugID]store.Plug{}
	l.mu.Unlock()
	l.Changed(plugs, nil)
}

func (l *plugLog) Changed(set, gone []store.Plug) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range set {
		l.all[plugID{p.Host, p.NIC}] = p
	}
	for _, p := range gone {
		delete(l.all, plugID{p.Host, p.NIC})
	}
	select {
	case l.set <- struct{}{}:
	default:
	}
}

// TestPlugsAreToldOf: a host tells of its plugs with their rows, and learns by what the
// store made of that, and of the same NICs elsewhere; it knows of no others.
func TestPlugsAreToldOf(t *testing.T) {
	t.Parallel()
	_, changes, nics := town(4)
	p := newPlatform(t, changes...)
	r := p.serve("a", nil)
	hosts, logs := map[string]*host{}, map[string]*plugLog{}
	for _, name := range []string{"h1", "h2"} {
		h := p.host(t, name, Config{Relays: []string{r.addr}}, nics[0])
		l := &plugLog{set: make(chan struct{}, 1)}
		hosts[name], logs[name] = h, l
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = h.FollowPlugs(ctx, l)
		}()
		t.Cleanup(func() {
			cancel()
			<-done
		})
		h.has("the beginning", p)
	}
	one := store.Plug{NIC: nics[0], Row: "row-1", Ready: true}
	written, err := hosts["h1"].PutPlugs(t.Context(), "h1", []store.Plug{one}, nil)
	if err != nil || len(written) != 1 || written[0].Order == 0 || written[0].Host != "h1" {
		t.Fatalf("%+v, %v", written, err)
	}
	for name, l := range logs {
		for late := time.After(patience); ; {
			l.mu.Lock()
			got, told := l.all[plugID{"h1", nics[0]}]
			l.mu.Unlock()
			if told && got == written[0] {
				break
			}
			select {
			case <-l.set:
			case <-late:
				t.Fatalf("%s does not hear of it: %+v", name, got)
			}
		}
	}
	there, err := hosts["h2"].Plugged(t.Context(), "h1")
	if err != nil || len(there) != 1 || there[0].ID != nics[0] || !there[0].Ready {
		t.Errorf("plugged at h1: %+v, %v", there, err)
	}
	if _, err := hosts["h2"].Plugged(t.Context(), "h2"); err == nil {
		t.Error("a host is told what it has plugged itself, which nobody knows but it")
	}
}

// TestARelayThatDoesNotTellOfPlugs: the NICs of its hosts are served where they are.
func TestARelayThatDoesNotTellOfPlugs(t *testing.T) {
	t.Parallel()
	_, changes, nics := town(4)
	p := newPlatform(t, changes...)
	h := p.host(t, "h1", Config{Relays: []string{"127.0.0.1:1"}, timing: timing{plugs: time.Millisecond}}, nics[0])
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := h.await(ctx, func() bool { return h.to != nil }); err != nil {
		t.Fatal(err)
	}
	s := newSession(t.Context(), h.Client, nil, "127.0.0.1:1", func(error) {})
	h.begin(s)
	if err := s.delta(&wire.Delta{Number: 1, Full: true, At: &wire.Point{Revision: 1}}); err != nil {
		t.Fatal(err)
	}
	if err := h.FollowPlugs(ctx, &plugLog{}); !errors.Is(err, store.ErrMayNotAsk) {
		t.Errorf("plugs elsewhere: %v", err)
	}
	if _, err := h.Plugged(ctx, "h2"); !errors.Is(err, store.ErrMayNotAsk) {
		t.Errorf("plugged at h2: %v", err)
	}
}

// TestTheStoreIsLookedInto: by the relay, for the latest write that the host saw.
func TestTheStoreIsLookedInto(t *testing.T) {
	t.Parallel()
	_, changes, nics := town(4)
	p := newPlatform(t, changes...)
	p.lost = "mark-of-before"
	r := p.serve("a", nil)
	h := p.host(t, "h1", Config{Relays: []string{r.addr}}, nics[0])
	h.has("the beginning", p)
	for mark, want := range map[string]bool{"mark-1": false, "mark-of-before": true} {
		got, err := h.Lost(t.Context(), []store.Write{{Revision: 1, Mark: "another"}, {Revision: 2, Mark: mark}})
		if err != nil || got != want {
			t.Errorf("%s: %t, %v", mark, got, err)
		}
	}
	if got, err := h.Lost(t.Context(), nil); got || err != nil {
		t.Errorf("nothing was seen: %t, %v", got, err)
	}
	r.stop()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if _, err := h.Lost(t.Context(), []store.Write{{Revision: 2, Mark: "mark-1"}}); errors.Is(err, ErrAway) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no relay is there, and somebody knows")
		}
	}
}
