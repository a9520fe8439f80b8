package store

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestOneMachineAName refuses the second of two machines that report under one
// host's name, with the first one's name, until the first has gone.
func TestOneMachineAName(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		cfg := e.config()
		cfg.MemberTTL = 10 * time.Second // a busy machine has no time for a lease of less
		api := open(t, cfg)
		ctx := within(t, time.Minute)
		if err := api.WaitHosts(ctx, func([]HostStatus) bool { return true }); err != nil {
			t.Fatal(err)
		}
		for rev := int64(0); rev < 20; { // no report of more than the store holds is believed
			rev = mustUpdate(t, api, put(account("a")))
		}
		wired, wire := via(t, cfg)
		first := open(t, wired)
		report := func(s *Store, instance, machine string, applied int64) error {
			return s.PutHost(ctx, HostStatus{Host: "h", Instance: instance, Machine: machine, Applied: applied, Started: time.Unix(applied, 0)})
		}
		if err := report(first, "i1", "rack-1", 7); err != nil {
			t.Fatal(err)
		}
		second := open(t, cfg)
		var taken *SeatError
		err := report(second, "i2", "rack-2", 9)
		if !errors.Is(err, ErrSeatTaken) || !errors.As(err, &taken) || !strings.Contains(err.Error(), "rack-1") || errors.Is(err, ErrUnavailable) {
			t.Errorf("the second machine: %v, want ErrSeatTaken and the first one's name", err)
		}
		if err := report(first, "i1", "rack-1", 8); err != nil {
			t.Errorf("the first machine: %v", err)
		}
		if err := api.WaitHosts(ctx, func(h []HostStatus) bool { return len(h) == 1 && h[0].Applied == 8 }); err != nil {
			t.Errorf("%v: %+v", err, api.Hosts())
		}
		awaitMember(t, api, func(m ClusterMember) bool { return m.Seated && m.Rival != nil && m.Rival.Machine == "rack-2" })

		// Who does not report does not answer either.
		asked := make(chan string, 10)
		for name, s := range map[string]*Store{"first": first, "second": second} {
			serving, stop := context.WithCancel(ctx)
			defer stop()
			go func() {
				_ = s.ServeAsks(serving, "h", func(context.Context, string, json.RawMessage) (json.RawMessage, error) {
					asked <- name
					return json.RawMessage(`1`), nil
				})
			}()
		}
		if _, err := api.Ask(ctx, "h", "k", nil); err != nil {
			t.Error(err)
		}
		if who := <-asked; who != "first" || len(asked) > 0 {
			t.Errorf("%s answered", who)
		}

		// The same machine again, with its former seat still there.
		again := open(t, wired)
		if err := report(again, "i1", "rack-1", 10); err != nil {
			t.Errorf("the first machine's controller, started again: %v", err)
		}
		wire.cut() // it is gone without a word
		for err = report(second, "i2", "rack-2", 11); errors.Is(err, ErrSeatTaken); err = report(second, "i2", "rack-2", 11) {
			time.Sleep(50 * time.Millisecond)
		}
		if err != nil {
			t.Errorf("the second machine, after the first has gone: %v", err)
		}
		awaitMember(t, api, func(m ClusterMember) bool { return m.Seated && m.Rival == nil && m.Machine == "rack-2" })
	})
}

// awaitMember waits until the one host is as it should be.
func awaitMember(t *testing.T, s *Store, ok func(ClusterMember) bool) {
	t.Helper()
	ctx := within(t, patience)
	for {
		seen := s.members.View()
		if len(seen.Members) == 1 && ok(seen.Members[0]) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("members are %+v", seen.Members)
		case <-seen.Changed:
		}
	}
}
