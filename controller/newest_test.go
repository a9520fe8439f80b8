package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/controller/elsewhere"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// TestPluggedAtAnotherHostSince: a NIC that names no hosts is served where it was
// plugged last. Its host with the older plug gives it no flows and says why, also
// after a restart and after the store was restored; and serves it again when the
// newer plug is gone.
func TestPluggedAtAnotherHostSince(t *testing.T) {
	r, p := newRig(t), small.New()
	r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.Attach("web", "a1")))...)
	rev := r.write(p.Rule("web", "r1", secgroup.Ingress, "tcp", 80, ""))
	r.start()
	r.plugged(1, 2)
	r.applied(rev, "a1", "a2")
	kept := func() string {
		return r.ovs.Get("Interface", "p1", "external_ids:"+elsewhere.PlugKey)
	}
	r.eventually(patience, "its plug is kept at its interface", func() string {
		if !strings.HasSuffix(kept(), "/a1") {
			return fmt.Sprintf("%q", kept())
		}
		return ""
	})
	served := func(what string, here bool) {
		t.Helper()
		r.status(what, func(h store.HostStatus) bool {
			i := slices.IndexFunc(h.NICs, func(n store.HostNIC) bool { return n.ID == "a1" })
			return h.Connected && i >= 0 && h.NICs[i].Ready == here && strings.Contains(h.NICs[i].Error, "h2") == !here
		})
		if _, delivered := r.trace(2, 1, "tcp", 80); delivered != here {
			t.Errorf("%s: delivered here: %v", what, delivered)
		}
	}
	r.pluggedAtH2(false)
	served("not ready there", true)
	newer := r.pluggedAtH2(true)
	served("plugged there since later", false)
	was := kept()
	r.stop()
	r.start()
	r.applied(rev, "a2")
	served("after a restart", false)
	r.restartVswitchd()
	served("after a restart of ovs-vswitchd", false)
	if now := kept(); now != was {
		t.Errorf("the plug here is %s after restarts, and was %s", now, was)
	}
	if _, err := r.store.PutPlugs(t.Context(), "h2", nil, []string{"a1"}); err != nil {
		t.Fatal(err)
	}
	served("gone there", true)
	newer.Restored = true // as h2 would say it after the store has lost it
	if _, err := r.store.PutPlugs(t.Context(), "h2", []store.Plug{newer}, nil); err != nil {
		t.Fatal(err)
	}
	served("said again there", false)
	r.ovs.Vsctl("del-port", "p1")
	r.plug(1)
	served("plugged here again", true)
}

// TestServedAtAnotherHostFromTheFirstStep: a controller that starts anew serves nothing
// that another host serves, not even until it has reported what is plugged here, which it
// may be unable to for long.
func TestServedAtAnotherHostFromTheFirstStep(t *testing.T) {
	r, p := newRig(t), small.New()
	changes := p.Base()
	for n := range 3 {
		changes = append(changes, secgroup.Put(small.NIC(n+1)))
	}
	r.write(append(changes, secgroup.Put(small.Attach("web", "a1")), secgroup.Put(small.Attach("web", "a3")))...)
	rev := r.write(p.Rule("web", "r1", secgroup.Ingress, "tcp", 80, ""))
	r.start()
	r.plugged(1, 2, 3)
	r.applied(rev, "a1", "a2", "a3")
	r.pluggedAtH2(true)
	r.eventually(patience, "a1 is served at h2", func() string {
		if _, delivered := r.trace(2, 1, "tcp", 80); delivered {
			return "it is served here"
		}
		return ""
	})
	r.stop()
	r.reports = reportsNothing{}
	r.write(p.Rule("web", "r2", secgroup.Ingress, "tcp", 81, ""))
	r.start()
	r.eventually(patience, "the new rule is in force for a3", func() string {
		text, delivered := r.trace(2, 3, "tcp", 81)
		if !delivered {
			return text
		}
		return ""
	})
	if text, delivered := r.trace(2, 1, "tcp", 80); delivered {
		t.Errorf("a1 is served here after a restart:\n%s", text)
	}
}

// reportsNothing refuses all reports, as an etcd does that is full.
type reportsNothing struct{}

func (reportsNothing) PutHost(context.Context, store.HostStatus) error {
	return errors.New("full")
}

// pluggedAtH2 plugs a1 at another host, since later than here unless it is there already.
func (r *rig) pluggedAtH2(ready bool) store.Plug {
	r.t.Helper()
	if err := r.store.PutHost(r.t.Context(), store.HostStatus{Host: "h2", Instance: "i2"}); err != nil {
		r.t.Fatal(err)
	}
	plugs, err := r.store.PutPlugs(r.t.Context(), "h2", []store.Plug{{NIC: "a1", Row: "x", Ready: ready}}, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return plugs[0]
}
