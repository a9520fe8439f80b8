package controller

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/ringfence/ringfence/controller/megaflow"
	"github.com/ringfence/ringfence/controller/whole"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/store"
	"github.com/ringfence/ringfence/unixctl"
)

// fakeVswitchd answers on a control socket of its own, but does not end the passes
// over its megaflows.
type fakeVswitchd struct {
	mu      sync.Mutex
	waiting int // revalidator/wait
	flushed int
	conns   sync.WaitGroup
}

func (f *fakeVswitchd) start(t *testing.T) (rundir string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ovs-vswitchd.pid"), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "ovs-vswitchd.1.ctl"))
	if err != nil {
		t.Fatal(err)
	}
	f.conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.conns.Go(func() { f.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		f.conns.Wait()
	})
	return dir
}

func (f *fakeVswitchd) serve(c net.Conn) {
	defer c.Close()
	in := json.NewDecoder(c)
	for {
		var q struct {
			ID     uint64 `json:"id"`
			Method string `json:"method"`
		}
		if in.Decode(&q) != nil {
			return
		}
		f.mu.Lock()
		switch q.Method {
		case "revalidator/wait":
			f.waiting++
			f.mu.Unlock()
			continue
		case "dpctl/flush-conntrack":
			f.flushed++
		}
		f.mu.Unlock()
		fmt.Fprintf(c, `{"id":%d,"result":"ovs-vswitchd (Open vSwitch) 3.1.0","error":null}`, q.ID)
	}
}

func (f *fakeVswitchd) count() (waiting, flushed int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.waiting, f.flushed
}

// TestQuestionsLeaveEnforcementItsConnections: while 32 questions wait until packets
// meet their flows, enforcement has its commands to the switch answered, and waits
// for passes of its own.
func TestQuestionsLeaveEnforcementItsConnections(t *testing.T) {
	t.Parallel()
	f := &fakeVswitchd{}
	cfg, err := Config{Host: hostName, OVSDB: "unix:/nowhere/db.sock", Bridge: bridge, RunDir: f.start(t), Share: whole.New(&given{}, hostName), Judge: whole.New(&given{}, hostName), Reports: &given{}}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	c := newController(cfg)
	t.Cleanup(func() { c.ctl.Close(); c.asked.ctl.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	var questions sync.WaitGroup
	for range 32 {
		questions.Go(func() { _ = c.asked.Settle(ctx) })
	}
	eventually := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(patience); !ok(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(what)
			}
		}
	}
	eventually("the questions' passes do not begin", func() bool { waiting, _ := f.count(); return waiting == 1 })
	for zone := range uint16(20) {
		if err := c.datapath().FlushZone(t.Context(), zone+1); err != nil {
			t.Fatal(err)
		}
	}
	if waiting, flushed := f.count(); waiting != 1 || flushed != 20 {
		t.Errorf("%d wait for passes, %d zones are flushed", waiting, flushed)
	}
	questions.Go(func() { _ = c.settler.Settle(ctx, megaflow.Narrowed) })
	eventually("enforcement does not get to wait for its passes", func() bool { waiting, _ := f.count(); return waiting == 2 })
	cancel()
	questions.Wait()
	if err := c.asked.Settle(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a question that is over: %v", err)
	}
}

// TestReceiptIsTold: a host's status says how it knows that packets meet a change, by
// its switch's version and datapath.
func TestReceiptIsTold(t *testing.T) {
	r := newRig(t)
	r.store.Join(store.ClusterMember{ID: "api"}) // so that hosts know what others understand
	r.start()
	r.applied(r.write(small.New().Base()...))
	version, err := r.ctl.Version(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := megaflow.Method(version, unixctl.DatapathName("dummy"))
	r.status("how it knows", func(h store.HostStatus) bool { return h.Receipt == want })
}
