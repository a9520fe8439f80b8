package look

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
)

// "ringfence status" tells of a clock that is wrong, and which way.
func TestStatusTellsOfClocks(t *testing.T) {
	t.Parallel()
	hour, little := 3600.2, 0.7
	back := -hour
	for want, skew := range map[string]*float64{
		"clock is 1h0m0s ahead of the API's": &hour, "clock is 1h0m0s behind the API's": &back,
	} {
		if got := skewed(client.Host{ClockSkewSeconds: skew}); !slices.Equal(got, []string{want}) {
			t.Errorf("%v: %q, want %q", *skew, got, want)
		}
	}
	for _, skew := range []*float64{nil, &little} {
		if got := skewed(client.Host{ClockSkewSeconds: skew}); len(got) > 0 {
			t.Errorf("%q", got)
		}
	}
}

// "ringfence host delete" says what nobody waits for any more, and whether that is safe.
func TestAForgottenHostWasWaitedFor(t *testing.T) {
	t.Parallel()
	away := client.Host{ID: "h7", AppliedRevision: 40, LastSeen: time.Now().Add(-3 * time.Minute), NICs: []client.HostNIC{{ID: "b"}, {ID: "a"}}}
	alive := away
	alive.Alive = true
	empty := away
	empty.NICs = nil
	many := away
	many.NICs = append(many.NICs, client.HostNIC{ID: "c"}, client.HostNIC{ID: "d"}, client.HostNIC{ID: "e"}, client.HostNIC{ID: "f"}, client.HostNIC{ID: "g"})
	behind := client.Realization{Revision: 50, Lagging: []client.LaggingHost{{Host: "h1", Reason: "other"}, {Host: "h7", AppliedRevision: 40, Reason: "no word from it"}}}
	const unsafe = "may still pass there"
	for _, c := range []struct {
		h      client.Host
		r      client.Realization
		says   []string
		silent string
	}{
		{away, behind, []string{"last seen 3 min ago", "after revision 40 (no word from it)", "its NICs were a, b", unsafe}, "other"},
		{many, behind, []string{"a, b, c, d, e and 2 more"}, ", f"},
		{away, client.Realization{Revision: 50}, []string{"had applied all that concerns it", "a, b"}, unsafe},
		{empty, client.Realization{Revision: 50}, []string{"no NIC plugged"}, "NICs were"},
		{alive, behind, []string{"is alive", "back with its next report"}, "nobody waits"},
	} {
		text := forgottenHost(c.h, c.r).String()
		for _, want := range c.says {
			if !strings.Contains(text, want) {
				t.Errorf("%q is not in %q", want, text)
			}
		}
		if strings.Contains(text, c.silent) {
			t.Errorf("%q is in %q", c.silent, text)
		}
	}
}
