package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/ringfence/ringfence/internal/lines"
)

// value is a figure of one turn.
type value struct {
	figure, unit string
	of           float64
}

// traffic is what one turn does, and its figures.
type traffic func(context.Context, *site) ([]value, error)

// measure has every site have each kind of traffic in every round, by turns in an order of chance.
func (m measurement) measure(ctx context.Context, sites []*site, out *lines.Writer) error {
	kinds := []traffic{
		connectionsOf(1, m.phase), connectionsOf(16, m.phase), streamFor(m.phase),
		scanOf("closed ports", func(r *rand.Rand) uint16 { return uint16(1 + r.IntN(65535)) }),
		scanOf("one port of a group", func(*rand.Rand) uint16 { return 5432 }),
	}
	type key struct{ figure, engine string }
	var order []value // figures as they came first
	turns := map[key][]float64{}
	chance := rand.New(rand.NewPCG(1, 2))
	for range m.rounds {
		for _, kind := range kinds {
			for _, i := range chance.Perm(len(sites)) {
				at := sites[i]
				got, err := kind(ctx, at)
				if err != nil {
					return fmt.Errorf("%s: %w", at.name, err)
				}
				for _, v := range got {
					if !slices.ContainsFunc(order, func(o value) bool { return o.figure == v.figure }) {
						order = append(order, v)
					}
					k := key{v.figure, at.name}
					turns[k] = append(turns[k], v.of)
				}
			}
		}
	}
	for _, v := range order {
		base := turns[key{v.figure, none}]
		for _, at := range sites {
			mine := turns[key{v.figure, at.name}]
			var ratios []float64
			for i := range base {
				if base[i] > 0 {
					ratios = append(ratios, mine[i]/base[i])
				}
			}
			more := lines.Members{"engine": at.name}
			if at.name != none && len(ratios) > 0 {
				more["ratio"] = lines.Median(ratios)
			}
			if err := out.Median(v.figure, mine, v.unit, more); err != nil {
				return err
			}
		}
	}
	return nil
}

// connectionsOf are new ones, so many at a time.
func connectionsOf(atOnce int, phase time.Duration) traffic {
	name := fmt.Sprintf("connections, %d at a time", atOnce)
	return func(ctx context.Context, s *site) ([]value, error) {
		since, err := s.count(ctx)
		if err != nil {
			return nil, err
		}
		begin := time.Now()
		made, err := s.connect(ctx, atOnce, phase)
		if err != nil {
			return nil, err
		}
		took := time.Since(begin)
		now, err := since(ctx)
		if err != nil {
			return nil, err
		}
		return s.figures([]value{{name, "1/s", made / took.Seconds()}, {name + ": processor time", "µs", now.cpu * 1e6 / made}}, lookups(name, now)), nil
	}
}

// streamFor is one TCP connection.
func streamFor(phase time.Duration) traffic {
	return func(ctx context.Context, s *site) ([]value, error) {
		since, err := s.count(ctx)
		if err != nil {
			return nil, err
		}
		begin := time.Now()
		mbit, err := s.stream(ctx, phase)
		if err != nil {
			return nil, err
		}
		took := time.Since(begin)
		now, err := since(ctx)
		if err != nil {
			return nil, err
		}
		return s.figures([]value{{"stream", "Mbit/s", mbit / took.Seconds()}, {"stream: processor time of a packet", "µs", now.cpu * 1e6 / now.packets}}, lookups("stream", now)), nil
	}
}

func lookups(name string, c counters) []value {
	return []value{
		{name + ": passes of a packet", "", c.passes},
		{name + ": subtables of a megaflow hit", "", c.subtables},
	}
}

// figures are those of a turn. Of the kernel datapath times are none: where it can be had here,
// in an emulated machine, they would say how that computes.
func (s *site) figures(times, numbers []value) []value {
	if s.kernel {
		return numbers
	}
	return append(times, numbers...)
}

// scanOf is 2,000 SYNs of many clients.
func scanOf(to string, port func(*rand.Rand) uint16) traffic {
	const syns = 2000
	name := "scan of " + to
	return func(ctx context.Context, s *site) ([]value, error) {
		since, err := s.count(ctx)
		if err != nil {
			return nil, err
		}
		if err := s.scan(ctx, syns, port); err != nil {
			return nil, err
		}
		now, err := since(ctx)
		if err != nil {
			return nil, err
		}
		megaflows, err := s.megaflows(ctx)
		if err != nil {
			return nil, err
		}
		var times []value
		if s.name != none { // it has one for all
			times = []value{{name + ": processor time of a new megaflow", "µs", now.cpu * 1e6 / now.upcalls}}
		}
		return s.figures(times, []value{{name + ": megaflows of a SYN", "", megaflows / now.packets}}), nil
	}
}
