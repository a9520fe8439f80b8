package hosts

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/store/internal/record"
)

// Where NICs are plugged is what the reports say one by one, whatever hosts report, take
// back and say again, and when hosts are forgotten or all is loaded anew.
func TestPlugsOfRandomReports(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(11, 2))
	p := plugs{hosts: map[string][]string{}}
	hosts := map[string][]record.HostNIC{}
	for range 2000 {
		host := fmt.Sprint("h", r.IntN(5))
		var now []record.HostNIC
		for n := range 6 {
			if r.IntN(3) == 0 {
				now = append(now, record.HostNIC{ID: fmt.Sprint("n", n), OFPort: r.Uint32()})
			}
		}
		p.replace(host, hosts[host], now)
		if hosts[host] = now; r.IntN(10) == 0 {
			p.replace(host, now, nil)
			delete(hosts, host)
		}
		want, count := map[string][]string{}, 0
		for name, nics := range hosts {
			for _, n := range nics {
				count++
				want[n.ID] = append(want[n.ID], name)
			}
		}
		for _, at := range want {
			slices.Sort(at)
		}
		if diff := cmp.Diff(want, p.hosts); diff != "" || p.count != count {
			t.Fatalf("%d plugs are counted, want %d; hosts by NIC (-reported +kept):\n%s", p.count, count, diff)
		}
	}
}
