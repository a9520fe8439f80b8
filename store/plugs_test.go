package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// plugRecorder keeps what a follower of plugs is told.
type plugRecorder struct {
	mu  sync.Mutex
	all map[string]Plug
}

func (r *plugRecorder) All(plugs []Plug) {
	r.mu.Lock()
	r.all = map[string]Plug{}
	r.mu.Unlock()
	r.Changed(plugs, nil)
}

func (r *plugRecorder) Changed(set, gone []Plug) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range set {
		r.all[p.Host+"/"+p.NIC] = p
	}
	for _, p := range gone {
		delete(r.all, p.Host+"/"+p.NIC)
	}
}

func (r *plugRecorder) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, p := range r.all {
		out = append(out, fmt.Sprintf("%s/%s row %s ready %v", p.Host, p.NIC, p.Row, p.Ready))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// TestPlugs: hosts tell each other which NICs are plugged, and which of two plugs
// is the newer one; who does not report for a host tells nothing in its name.
func TestPlugs(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		one, two := open(t, e.config()), open(t, e.config())
		ctx := within(t, patience)
		var seen plugRecorder
		following, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- two.FollowPlugs(following, &seen) }()
		expect := func(want string) {
			t.Helper()
			for seen.String() != want {
				if ctx.Err() != nil {
					t.Fatalf("plugs are %q, want %q", seen.String(), want)
				}
				time.Sleep(time.Millisecond)
			}
		}
		if _, err := one.PutPlugs(ctx, "h1", []Plug{{NIC: "n", Row: "r"}}, nil); !errors.Is(err, ErrSeatTaken) {
			t.Errorf("from who does not report: %v, want %v", err, ErrSeatTaken)
		}
		for s, host := range map[*Store]string{one: "h1", two: "h2"} {
			if err := s.PutHost(ctx, HostStatus{Host: host, Instance: host}); err != nil {
				t.Fatal(err)
			}
		}
		put := func(s *Store, host string, p Plug) Plug {
			t.Helper()
			out, err := s.PutPlugs(ctx, host, []Plug{p}, nil)
			if err != nil || len(out) != 1 {
				t.Fatal(out, err)
			}
			return out[0]
		}
		older := put(one, "h1", Plug{NIC: "n", Row: "r"})
		newer := put(two, "h2", Plug{NIC: "n", Row: "s"})
		expect("h1/n row r ready false, h2/n row s ready false")
		older.Ready = true
		if again := put(one, "h1", older); again != older || !newer.NewerThan(again) || again.NewerThan(newer) {
			t.Errorf("one %+v, the other %+v", again, newer)
		}
		expect("h1/n row r ready true, h2/n row s ready false")
		if seen.all["h1/n"] != older || seen.all["h2/n"] != newer {
			t.Errorf("seen %+v, written %+v and %+v", seen.all, older, newer)
		}

		// More than a transaction holds, some of which are taken back.
		var many []Plug
		var gone []string
		for i := range 300 {
			many = append(many, Plug{NIC: fmt.Sprintf("m%03d", i), Row: "r"})
			gone = append(gone, many[i].NIC)
		}
		if out, err := one.PutPlugs(ctx, "h1", many, []string{"n"}); err != nil || len(out) != 300 || out[299].Order == 0 {
			t.Errorf("%d of 300 written, %v", len(out), err)
		}
		if _, err := one.PutPlugs(ctx, "h1", nil, gone[1:]); err != nil {
			t.Error(err)
		}
		expect("h1/m000 row r ready false, h2/n row s ready false")
		if err := one.DeleteHost(ctx, "h1"); err != nil {
			t.Error(err)
		}
		expect("h2/n row s ready false")
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("following ended with %v", err)
		}
	})
}
