package desk

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/ovstest"
	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
)

// lookout is a drop watch on a switch, of one NIC that can be unplugged.
type lookout struct {
	*dropWatch
	ovs     *ovstest.OVS
	plugged atomic.Bool
	steps   atomic.Int64 // times that it asked where the NIC is
}

func newLookout(t *testing.T) *lookout {
	t.Helper()
	l := &lookout{ovs: ovstest.Start(t, ovstest.Options{})}
	l.ovs.AddBridge(bridge)
	log := slog.New(slog.DiscardHandler)
	conn, err := ofconn.Dial(t.Context(), l.ovs.MgmtSock(bridge), ofconn.Options{Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	locate := func(nics []string) map[string]location {
		l.steps.Add(1)
		if len(nics) == 0 || !l.plugged.Load() {
			return nil
		}
		return map[string]location{nics[0]: {port: 1, hasFlows: true}}
	}
	heard := &reportReader{deliver: func(wire.PacketIn) {}}
	l.dropWatch = newDropWatch(func() *ofconn.Conn { return conn }, heard, locate, func(context.Context) error { return nil }, log)
	ctx, cancel := context.WithCancel(context.Background())
	watched := make(chan error, 1)
	go func() { watched <- l.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-watched
		conn.Close()
		heard.readers.Wait()
	})
	return l
}

func (l *lookout) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

func (l *lookout) watches() bool {
	return strings.Contains(l.ovs.Ofctl("--no-stats", "dump-flows", bridge), "cookie=0x52470b")
}

// A NIC that goes while somebody looks leaves nothing to be done until they cease
// to look: the switch's flows go, and nothing is put in again.
func TestDropWatchRestsWhenTheNICIsGone(t *testing.T) {
	t.Parallel()
	l := newLookout(t)
	l.plugged.Store(true)
	if err := l.watchFor(t.Context(), []string{"a1"}, 2*patience); err != nil {
		t.Fatal(err)
	}
	if !l.watches() {
		t.Fatal("nobody looks")
	}
	l.plugged.Store(false)
	l.refreshSoon() // as when it is unplugged
	l.until(t, "the flows go", func() bool { return !l.watches() })
	// The time comes at which they would have been put in again.
	l.flows.mu.Lock()
	if len(l.flows.installed) != 0 {
		t.Error("watches are believed to be there")
	}
	l.flows.renewAt = time.Now()
	l.flows.mu.Unlock()
	l.refreshSoon()
	before := l.steps.Load()
	time.Sleep(200 * time.Millisecond) // in which a loop without rest takes thousands of steps
	if n := l.steps.Load() - before; n > 10 {
		t.Errorf("%d steps in 200 ms although there is nothing to do", n)
	}
	l.plugged.Store(true)
	l.refreshSoon()
	l.until(t, "the NIC that is back is looked at", l.watches)
}

// A dropped packet is work for its own NIC, however many are looked at; one at an ofport
// that another NIC has by now is nobody's.
func TestADropIsOfItsOwnNIC(t *testing.T) {
	const many = 1000
	w := &dropWatch{nicByOFPort: map[uint32]string{}}
	all := make([]string, 0, many)
	for port := range uint32(many) {
		all = append(all, fmt.Sprint("nic-", port))
		w.nicByOFPort[port] = all[port]
	}
	located := 0
	w.locate = func(nics []string) map[string]location {
		located += len(nics)
		return map[string]location{"nic-7": {port: 7}, "nic-8": {port: many + 8}}
	}
	drop := func(port uint32) { w.recordDrop(ofrules.Report{ID: port}, wire.PacketIn{}) }
	for _, port := range []uint32{7, 7, 8, many} {
		drop(port)
	}
	got := w.drops.since(all, time.Time{})
	if len(got) != 1 || got[0].NIC != "nic-7" || got[0].Count != 2 {
		t.Errorf("counted: %+v, want two packets of nic-7", got)
	}
	if located != 3 {
		t.Errorf("it was asked where %d NICs are, for 3 packets of NICs that are looked at", located)
	}
}
