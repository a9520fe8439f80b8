package inspect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/httpapi/asking"
)

// A list of what hosts have asks so many of them, and names the others; each round
// of one that waits counts.
func TestHostsOfOneQuestion(t *testing.T) {
	t.Parallel()
	many := map[string][]string{}
	for i := range asking.HostsAsked + 3 {
		many[fmt.Sprintf("h%03d", i)] = []string{"n"}
	}
	left := leaveOut(many)
	if len(many) != asking.HostsAsked || len(left) != 3 || left[0].Host != "h100" || !strings.Contains(left[2].Error, fmt.Sprint(asking.HostsAsked)) {
		t.Errorf("%d hosts are asked, %+v are not", len(many), left)
	}
	if d := askAgain(3); d != dropsAgain {
		t.Errorf("3 hosts are asked every %v", d)
	}
	if d := askAgain(asking.HostsAsked); float64(asking.HostsAsked)/d.Seconds() > asking.HostsPerSecond {
		t.Errorf("%d hosts are asked every %v", asking.HostsAsked, d)
	}
}
