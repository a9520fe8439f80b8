package main

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/ringfence/ringfence/cmd/bench/internal/usage"
)

// changeEvery is how often a rule comes or goes.
const changeEvery = 200 * time.Millisecond

// changing measures what one TCP stream notices of rules that come and go, five changes a
// second, while so many megaflows besides are in use: before, during and after, in each
// round. It tells also how many of the connections that were held open all the while did not
// answer after a stream.
func (s *site) changing(ctx context.Context, m measurement) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	held, err := s.hold(ctx)
	if err != nil {
		return err
	}
	defer held.close()
	used := make(chan error, 1)
	go func() { used <- s.use(ctx, m.megaflows) }()
	c, err := s.changer(ctx, m.policy)
	if err != nil {
		return err
	}
	defer c.close()
	var streams [3][]float64 // before, during, after
	var ratios, changes []float64
	lost := 0
	for range m.rounds {
		for i := range streams {
			made := func() (float64, error) { return 0, nil }
			if i == 1 {
				made = c.every(ctx, changeEvery)
			}
			begin := time.Now()
			mbit, err := s.stream(ctx, m.phase)
			took := time.Since(begin).Seconds()
			n, failed := made()
			if err != nil {
				return err
			}
			if failed != nil {
				return failed
			}
			streams[i] = append(streams[i], mbit/took)
			if i == 1 {
				changes = append(changes, n/took)
			}
			lost = max(lost, held.silent())
		}
		last := len(streams[0]) - 1
		ratios = append(ratios, 2*streams[1][last]/(streams[0][last]+streams[2][last]))
	}
	cached, err := s.megaflows(ctx)
	if err != nil {
		return err
	}
	load, err := usage.Load()
	if err != nil {
		return err
	}
	cancel()
	if err := <-used; err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"bench": "datapath", "engine": s.name, "figure": "stream while rules change", "unit": "Mbit/s", "megaflows": m.megaflows, "cached": cached,
		"before": median(streams[0]), "during": median(streams[1]), "after": median(streams[2]), "ratio": median(ratios), "changes": median(changes),
		"held": len(held), "lost": lost, "n": m.rounds, "loadavg": load,
	})
}
