package store

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
				want[n.ID] = append(want[n.ID], Place{Host: h.Host, NIC: n})
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
