package controller

import (
	"strings"
	"testing"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// TestHostNameOfAnotherMachine starts a controller under the name of a machine
// that is there: its bridge is kept, and its reports are refused until the other
// has gone.
func TestHostNameOfAnotherMachine(t *testing.T) {
	r, p := newRig(t), small.New()
	other, err := store.Open(t.Context(), r.etcd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	if err := other.PutHost(t.Context(), store.HostStatus{Host: hostName, Instance: "another", Machine: "rack-9", Applied: 1, Connected: true}); err != nil {
		t.Fatal(err)
	}
	r.write(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2)), secgroup.Put(small.Attach("web", "a1")))...)
	rev := r.write(p.Rule("web", "r1", secgroup.Ingress, "tcp", 80, ""))
	r.start()
	r.plug(1)
	r.plug(2)
	r.eventually(patience, "the second names the first", func() string {
		if text := r.logs.String(); !strings.Contains(text, "another machine reports under this host's name") || !strings.Contains(text, "rack-9") {
			return "not said"
		}
		return ""
	})
	r.eventually(patience, "its bridge is kept", func() string {
		if _, delivered := r.trace(2, 1, "tcp", 80); !delivered {
			return "port 80 is shut"
		}
		return ""
	})
	if h := r.store.Hosts(); len(h) > 0 && h[0].Applied != 1 {
		t.Errorf("the second one's report stands: %+v", h[0])
	}
	if r.counter("name_taken") != 1 {
		t.Error("the metric does not tell")
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	r.applied(rev, "a1", "a2")
}
