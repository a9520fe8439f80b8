package store

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"runtime"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/embedded"
)

// BenchmarkUpdate is one small mutation after the other, until each is in the
// cache that serves reads.
func BenchmarkUpdate(b *testing.B) {
	for _, noSync := range []bool{false, true} {
		b.Run(fmt.Sprintf("fsync=%v", !noSync), func(b *testing.B) {
			s := benchStore(b, noSync)
			i := 0
			for b.Loop() {
				i++
				g := group("a", "g", rule(fmt.Sprintf("r%d", i)))
				if _, err := s.Update(b.Context(), put(g)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLoad opens a store that holds 50,000 NICs, each with a group
// attached, and waits for its cache.
func BenchmarkLoad(b *testing.B) {
	const nics = 50_000
	s := benchStore(b, true)
	if _, err := s.Update(b.Context(), put(network("n1"), group("a", "g"))); err != nil {
		b.Fatal(err)
	}
	for i := 0; i < nics; i += 1000 {
		var objects []secgroup.Object
		for j := i; j < i+1000; j++ {
			n := nic(fmt.Sprintf("0198f1e2-7b1c-7000-8000-%012d", j), "a", "n1")
			n.Addresses = []netip.Addr{netip.AddrFrom4([4]byte{10, byte(j >> 16), byte(j >> 8), byte(j)})}
			objects = append(objects, n, &secgroup.Attachment{Group: groupRef("a", "g"), NIC: n.ID})
		}
		if _, err := s.Update(b.Context(), put(objects...)); err != nil {
			b.Fatal(err)
		}
	}
	var heap runtime.MemStats
	for b.Loop() {
		before := live(&heap)
		fresh, err := Open(b.Context(), s.link.Config)
		if err != nil {
			b.Fatal(err)
		}
		if err := fresh.Read(b.Context(), func(*snapshot) error { return nil }); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		b.ReportMetric(float64(live(&heap)-before)/1e6, "MB/store")
		if err := fresh.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func live(m *runtime.MemStats) uint64 {
	runtime.GC()
	runtime.ReadMemStats(m)
	return m.HeapAlloc
}

func benchStore(b *testing.B, noSync bool) *Store {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	server, err := embedded.Start(b.Context(), b.TempDir(), embedded.Options{NoSync: noSync, Logger: quiet})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Close)
	cfg := server.Config()
	cfg.Logger = quiet
	s, err := Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	if _, err := s.Update(b.Context(), put(account("a"))); err != nil {
		b.Fatal(err)
	}
	return s
}
