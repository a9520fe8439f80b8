package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Where NICs are plugged is what the reports say one by one, whatever hosts report, take
// back and say again, and when hosts are forgotten or all is loaded anew.
func TestPlugsOfRandomReports(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(11, 2))
	p := plugged{at: map[string][]string{}}
	hosts := map[string][]HostNIC{}
	for range 2000 {
		host := fmt.Sprint("h", r.IntN(5))
		var now []HostNIC
		for n := range 6 {
			if r.IntN(3) == 0 {
				now = append(now, HostNIC{ID: fmt.Sprint("n", n), OFPort: r.Uint32()})
			}
		}
		p.replug(host, hosts[host], now)
		if hosts[host] = now; r.IntN(10) == 0 {
			p.replug(host, now, nil)
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
		if diff := cmp.Diff(want, p.at); diff != "" || p.count != count {
			t.Fatalf("%d plugs are counted, want %d; hosts by NIC (-reported +kept):\n%s", p.count, count, diff)
		}
	}
}

// What is known of one host, and of where a NIC is, is what is known of all hosts.
func TestPlacesAreWhatHostsSay(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s := open(t, e.config())
		rev := mustUpdate(t, s, put(account("a")))
		want := map[string][]Place{}
		for i := range 3 {
			h := HostStatus{Host: fmt.Sprint("h", i), Applied: rev, Mark: s.cache().markAt(rev), NICs: []HostNIC{{ID: "everywhere", Ready: true, Applied: rev}, {ID: fmt.Sprint("n", i), Applied: rev}}}
			putLevel(t, s, LevelNow)
			if err := s.PutHost(t.Context(), h); err != nil {
				t.Fatal(err)
			}
			for _, n := range h.NICs {
				want[n.ID] = append(want[n.ID], Place{h.Host, n})
			}
			awaitHost(t, s, h.Host, rev)
		}
		for id, at := range want {
			if diff := cmp.Diff(at, s.Places(id)); diff != "" {
				t.Errorf("places of %s (-want +got):\n%s", id, diff)
			}
		}
		if n, at := s.PlugCount(), s.Places("nowhere"); n != 6 || at != nil {
			t.Errorf("%d NICs are plugged, want 6; one that is nowhere is at %v", n, at)
		}
		for _, h := range s.Hosts() {
			if one, known := s.Host(h.Host); !known || !cmp.Equal(h, one) {
				t.Errorf("host %s is known %v, as %+v, want %+v", h.Host, known, one, h)
			}
		}
		if err := s.DeleteHost(t.Context(), "h1"); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "the host is forgotten", func() bool { _, known := s.Host("h1"); return !known })
		if at := s.Places("everywhere"); len(at) != 2 || at[0].Host != "h0" || at[1].Host != "h2" || s.Places("n1") != nil {
			t.Errorf("after a host was forgotten: %+v and %+v", at, s.Places("n1"))
		}
	})
}
