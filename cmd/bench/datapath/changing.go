package main

import (
	"context"
	"time"

	"github.com/ringfence/ringfence/internal/lines"
)

// changeEvery is how often a rule comes or goes.
const changeEvery = 200 * time.Millisecond

// changing measures what one TCP stream notices of rules that come and go, five changes a
// second, while so many megaflows besides are in use: before, while nothing but a flow that
// is not used comes and goes as often, during and after, in each round. It tells also how many of the connections that were held open all the while did not
// answer after a stream.
func (s *site) changing(ctx context.Context, m measurement, out *lines.Writer) error {
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
	var streams [4][]float64 // before, touched, during, after
	var touched, ratios, changes []float64
	lost := 0
	for range m.rounds {
		for i := range streams {
			made := func() (float64, error) { return 0, nil }
			switch i {
			case 1:
				made = every(ctx, changeEvery, c.touch)
			case 2:
				made = every(ctx, changeEvery, c.change)
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
			if i == 2 {
				changes = append(changes, n/took)
			}
			lost = max(lost, held.silent())
		}
		last := len(streams[0]) - 1
		others := (streams[0][last] + streams[3][last]) / 2
		touched = append(touched, streams[1][last]/others)
		ratios = append(ratios, streams[2][last]/others)
	}
	cached, err := s.megaflows(ctx)
	if err != nil {
		return err
	}
	cancel()
	if err := <-used; err != nil {
		return err
	}
	return out.Median("stream while rules change", streams[2], "Mbit/s", lines.Members{
		"engine": s.name, "megaflows": m.megaflows, "cached": cached, "before": lines.Median(streams[0]), "touched": lines.Median(streams[1]), "after": lines.Median(streams[3]),
		"ratio": lines.Median(ratios), "touched_ratio": lines.Median(touched), "changes": lines.Median(changes), "held": len(held), "lost": lost,
	})
}
