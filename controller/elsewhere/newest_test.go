package elsewhere

import (
	"context"
	"log/slog"
	"testing"

	"github.com/ringfence/ringfence/ovsdb"
	"github.com/ringfence/ringfence/store"
)

// putPlugs takes plugs, and tells of none.
type putPlugs struct{ put []store.Plug }

func (p *putPlugs) FollowPlugs(ctx context.Context, _ store.PlugHandler) error {
	<-ctx.Done()
	return ctx.Err()
}

func (p *putPlugs) PutPlugs(_ context.Context, _ string, plugs []store.Plug, _ []string) ([]store.Plug, error) {
	p.put = append(p.put, plugs...)
	return nil, nil
}

// TestNoWorkUntilPlugsAreKnown: plugs are not written before it is known where others are,
// which a relay may take a while to tell, or never does. Nobody is woken for them until
// then: whoever writes them would go round and round.
func TestNoWorkUntilPlugsAreKnown(t *testing.T) {
	t.Parallel()
	plugs := &putPlugs{}
	n := NewNewest(Config{
		Store: plugs, Host: "h", Log: slog.New(slog.DiscardHandler), Notify: func() {},
		Claims: func(f func(Claims)) {
			f(func(nic string) (ovsdb.Interface, bool) {
				return ovsdb.Interface{UUID: "u", Name: "tap", IfaceID: nic, OFPort: 1}, true
			})
		},
	})
	woken := func() bool {
		select {
		case <-n.wake:
			return true
		default:
			return false
		}
	}
	n.Reported([]store.HostNIC{{ID: theNIC, Ready: true}})
	if again, err := n.writeOnce(t.Context()); again != 0 || err != nil || len(plugs.put) > 0 || woken() {
		t.Fatalf("others' plugs are not known: again after %v, error %v, written %v, or woken", again, err, plugs.put)
	}
	n.All(nil)
	if !woken() {
		t.Fatal("others' plugs are known now, and nobody is woken to write this host's")
	}
	if _, err := n.writeOnce(t.Context()); err != nil || len(plugs.put) != 1 || plugs.put[0].NIC != theNIC {
		t.Errorf("error %v, written %v", err, plugs.put)
	}
}
