package elsewhere

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ringfence/ringfence/ovsdb"
	"github.com/ringfence/ringfence/store"
)

// putPlugs takes plugs, and tells of none.
type putPlugs struct {
	put  []store.Plug
	gone []string
}

func (p *putPlugs) FollowPlugs(ctx context.Context, _ store.PlugHandler) error {
	<-ctx.Done()
	return ctx.Err()
}

func (p *putPlugs) PutPlugs(_ context.Context, _ string, plugs []store.Plug, gone []string) ([]store.Plug, error) {
	p.put, p.gone = append(p.put, plugs...), append(p.gone, gone...)
	return nil, nil
}

// newest is a Newest of host h whose goroutines do not run.
func newest(plugs Plugs) *Newest {
	return NewNewest(Config{Store: plugs, Host: "h", Log: slog.New(slog.DiscardHandler), Notify: func() {}, WriteIDs: func(context.Context, string, map[string]string) error { return nil }})
}

// woken tells whether somebody is woken to write, and has it sleep again.
func (n *Newest) woken() bool {
	select {
	case <-n.wake:
		return true
	default:
		return false
	}
}

// itsTap is the interface of theNIC.
func itsTap() map[string]ovsdb.Interface {
	return map[string]ovsdb.Interface{theNIC: {UUID: "u", Name: "tap", IfaceID: theNIC, OFPort: 1}}
}

// TestNoWorkUntilPlugsAreKnown: plugs are not written before it is known where others are,
// which a relay may take a while to tell, or never does. Nobody is woken for them until
// then: whoever writes them would go round and round.
func TestNoWorkUntilPlugsAreKnown(t *testing.T) {
	t.Parallel()
	plugs := &putPlugs{}
	n := newest(plugs)
	n.Plugged(itsTap(), nil, true)
	n.Reported([]store.HostNIC{{ID: theNIC, Ready: true}})
	if again, err := n.writeOnce(t.Context()); again != 0 || err != nil || len(plugs.put) > 0 || n.woken() {
		t.Fatalf("others' plugs are not known: again after %v, error %v, written %v, or woken", again, err, plugs.put)
	}
	n.All(nil)
	if !n.woken() {
		t.Fatal("others' plugs are known now, and nobody is woken to write this host's")
	}
	if _, err := n.writeOnce(t.Context()); err != nil || len(plugs.put) != 1 || plugs.put[0].NIC != theNIC {
		t.Errorf("error %v, written %v", err, plugs.put)
	}
}

// TestNothingIsTakenBackBeforeItIsSeen: a controller that starts anew knows what the store
// has of its host before it has seen what is plugged there, and takes nothing back until
// then: other hosts would serve these NICs meanwhile.
func TestNothingIsTakenBackBeforeItIsSeen(t *testing.T) {
	t.Parallel()
	plugs := &putPlugs{}
	n := newest(plugs)
	n.All([]store.Plug{{Host: "h", NIC: theNIC, Row: "u", Order: 7, Ready: true}, {Host: "h", NIC: "left", Row: "v", Order: 8, Ready: true}})
	if _, err := n.writeOnce(t.Context()); err != nil || len(plugs.put)+len(plugs.gone) > 0 || n.woken() {
		t.Fatalf("nothing was seen yet: error %v, written %v, taken back %v, or woken", err, plugs.put, plugs.gone)
	}
	n.Plugged(itsTap(), nil, true)
	if !n.woken() {
		t.Fatal("nobody is woken to take back the plug of a NIC that left meanwhile")
	}
	if _, err := n.writeOnce(t.Context()); err != nil || len(plugs.put) > 0 || len(plugs.gone) != 1 || plugs.gone[0] != "left" {
		t.Errorf("error %v, written %v, taken back %v", err, plugs.put, plugs.gone)
	}
}

// TestNoPortForLong: a NIC whose interface has had no port for a while is no plug any more,
// although nobody says anything of it again.
func TestNoPortForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		plugs := &putPlugs{}
		n := newest(plugs)
		n.All([]store.Plug{{Host: "h", NIC: theNIC, Row: "u", Order: 7, Ready: true}})
		n.Plugged(itsTap(), nil, true)
		portless := itsTap()
		portless[theNIC] = ovsdb.Interface{UUID: "u", Name: "tap", IfaceID: theNIC}
		n.Plugged(portless, nil, false)
		again, err := n.writeOnce(t.Context())
		if again != portGone || err != nil || len(plugs.gone) > 0 {
			t.Errorf("its port went just now: again in %v, error %v, taken back %v", again, err, plugs.gone)
		}
		time.Sleep(again)
		if again, err = n.writeOnce(t.Context()); again != 0 || err != nil || len(plugs.gone) != 1 || plugs.gone[0] != theNIC {
			t.Errorf("its port has been gone for long: again in %v, error %v, taken back %v", again, err, plugs.gone)
		}
	})
}
