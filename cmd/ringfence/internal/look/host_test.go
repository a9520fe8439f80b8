package look

import (
	"slices"
	"testing"

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
