package realization

import (
	"fmt"
	"testing"
	"time"

	"github.com/ringfence/ringfence/store"
)

func TestReasonsOfLagging(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for want, h := range map[string]store.HostStatus{
		"no word from the host's controller for 1m0s":           {Heartbeat: now.Add(-time.Minute), Connected: true},
		"the host's controller has no connection to its switch": {Heartbeat: now},
		"flow refused; port gone":                               {Heartbeat: now, Connected: true, Errors: []string{"flow refused", "port gone"}},
		"not applied yet":                                       {Heartbeat: now, Connected: true},
	} {
		h.Host, h.Applied = "h", 4
		late := Need{"h": {rev: 5}}.lagging(only(h), now)
		if len(late) != 1 || *late[0].Host != "h" || late[0].Applied != 4 || late[0].Reason != want {
			t.Errorf("%+v, want %s", late, want)
		}
	}
	late := Need{"gone": {rev: 5}}.lagging(only(store.HostStatus{}), now)
	if len(late) != 1 || *late[0].Host != "gone" {
		t.Errorf("a host that is gone: %+v", late)
	}
}

// A NIC's revision counts where the host as a whole is not there yet; only where it is
// that of the NIC itself, and never for a NIC that the host does not serve.
func TestWhoIsHeldUp(t *testing.T) {
	t.Parallel()
	h := store.HostStatus{Host: "h", Applied: 4, Latest: 9, NICs: []store.HostNIC{
		{ID: "a", Ready: true, Applied: 4}, {ID: "b", Ready: true, Applied: 9}, {ID: "c", Ready: true, Applied: 7}, {ID: "d"},
	}}
	for _, c := range []struct {
		what string
		nics map[string]int64
		met  bool
	}{
		{"it was applied before", map[string]int64{"a": 4, "d": 4, "gone": 3}, true},
		{"a NIC whose connections are being judged", map[string]int64{"a": 5}, false},
		{"another one", map[string]int64{"b": 9}, true},
		{"another one, later", map[string]int64{"b": 10}, false},
		{"one that was held up by something later", map[string]int64{"c": 7, "b": 8}, true},
		{"that, later", map[string]int64{"c": 8, "b": 8}, false},
		{"both", map[string]int64{"a": 5, "b": 5}, false},
		{"one that is not ready", map[string]int64{"d": 5}, false},
		{"one that is plugged no more", map[string]int64{"gone": 5}, false},
	} {
		n := Need{}
		for id, rev := range c.nics {
			n.add("h", id, rev)
		}
		if n[h.Host].by(&h) != c.met || (len(n.lagging(only(h), time.Now())) == 0) != c.met {
			t.Errorf("%s: met %v, lagging %+v", c.what, !c.met, n.lagging(only(h), time.Now()))
		}
	}
	n := Need{}
	for i := range mostNICs + 1 {
		n.add("h", fmt.Sprint(i), 5)
	}
	n.add("b", "b", 5)
	if n.bound(); n["h"].nics != nil || n["b"].nics == nil || n["h"].rev != 5 {
		t.Error("what is kept of many NICs is not bounded")
	}
}

// only knows of one host.
func only(h store.HostStatus) func(string) (store.HostStatus, bool) {
	return func(name string) (store.HostStatus, bool) { return h, name == h.Host }
}
