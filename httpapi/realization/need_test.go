package realization

import (
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
		late := Need{"h": 5}.lagging([]store.HostStatus{h}, now)
		if len(late) != 1 || *late[0].Host != "h" || late[0].Applied != 4 || late[0].Reason != want {
			t.Errorf("%+v, want %s", late, want)
		}
	}
	late := Need{"gone": 5}.lagging(nil, now)
	if len(late) != 1 || *late[0].Host != "gone" {
		t.Errorf("a host that is gone: %+v", late)
	}
}
