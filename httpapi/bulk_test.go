package httpapi

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkBulk measures what many callers at once get, with 10,000 groups,
// 100,000 rules and 50,000 NICs in an embedded etcd that syncs nothing: requests
// a second, the time within which 99 of 100 are answered, and the heap.
func BenchmarkBulk(b *testing.B) {
	const callers, nGroups, nNICs = 16, 10_000, 50_000
	s := serve(b)
	load(b, s.store, nGroups, 10, nNICs)
	const account = "/v1/accounts/acme"
	one := func(b *testing.B, method, path, body string) {
		req := httptest.NewRequest(method, path, strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+admin)
		req.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.api.ServeHTTP(w, req)
		if w.Code >= http.StatusBadRequest {
			b.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
	}
	for _, op := range []struct {
		name string
		run  func(b *testing.B, r *rand.Rand, i int)
	}{
		{"write a rule", func(b *testing.B, r *rand.Rand, i int) {
			one(b, "PUT", fmt.Sprintf("%s/security-groups/g%05d/rules/x", account, r.IntN(nGroups)), fmt.Sprintf(`{"direction":"ingress","protocol":"tcp","port_min":%d}`, 1+r.IntN(65535)))
		}},
		{"attach", func(b *testing.B, r *rand.Rand, i int) {
			one(b, "PUT", fmt.Sprintf("%s/nics/n%06d/security-groups/g%05d", account, r.IntN(nNICs), r.IntN(nGroups)), "")
		}},
		{"read a group", func(b *testing.B, r *rand.Rand, i int) {
			one(b, "GET", fmt.Sprintf("%s/security-groups/g%05d", account, r.IntN(nGroups)), "")
		}},
		{"read a NIC", func(b *testing.B, r *rand.Rand, i int) {
			one(b, "GET", fmt.Sprintf("%s/nics/n%06d", account, r.IntN(nNICs)), "")
		}},
		{"read a page of 100 NICs", func(b *testing.B, r *rand.Rand, i int) { one(b, "GET", account+"/nics?limit=100", "") }},
	} {
		b.Run(op.name, func(b *testing.B) {
			var mu sync.Mutex
			var took []time.Duration
			var wg sync.WaitGroup
			begun := time.Now()
			for c := range callers {
				wg.Go(func() {
					r := rand.New(rand.NewPCG(uint64(c), uint64(b.N)))
					for i := c; i < b.N; i += callers {
						start := time.Now()
						op.run(b, r, i)
						d := time.Since(start)
						mu.Lock()
						took = append(took, d)
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "requests/s")
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.HeapAlloc)/(1<<20), "heap-MiB")
		})
	}
}
