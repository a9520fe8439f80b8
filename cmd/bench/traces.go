package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/lines"
)

// traceCount is how many traces are measured of a kind.
const traceCount = 500

// traces measures traces through the API between ports of the host: one at a
// time, and 50 at a time.
func (b *bench) traces(ctx context.Context) error {
	for _, atOnce := range []int{1, 50} {
		took, err := b.traced(ctx, atOnce)
		if err != nil {
			return err
		}
		slices.Sort(took)
		for figure, share := range map[string]float64{"p50": 0.5, "p99": 0.99} {
			name := fmt.Sprintf("trace_%s", figure)
			if err := b.lines.Figure(name, took[int(share*float64(len(took)-1))], "s", lines.Members{"at_once": atOnce, "n": len(took)}); err != nil {
				return err
			}
		}
	}
	return nil
}

// traced runs traces, some at a time, and returns how long each took, in
// seconds. A trace that does not tell, or that differs from the policy, is an
// error.
func (b *bench) traced(ctx context.Context, atOnce int) ([]float64, error) {
	took := make([]float64, traceCount)
	errs := make([]error, atOnce)
	var wg sync.WaitGroup
	for worker := range atOnce {
		wg.Go(func() {
			for i := worker; i < traceCount && errs[worker] == nil; i += atOnce {
				from, to := b.load.Ports[i%len(b.load.Ports)], b.load.Ports[(i*7+1)%len(b.load.Ports)]
				if from.ID == to.ID {
					to = b.load.Ports[(i+1)%len(b.load.Ports)]
				}
				start := time.Now()
				t, err := b.stack.Client.Trace(ctx, account, client.TraceSpec{
					Source: client.TraceEnd{NIC: from.ID}, Destination: client.TraceEnd{NIC: to.ID}, Protocol: "tcp", Port: 1000 + i%20,
				})
				took[i] = time.Since(start).Seconds()
				switch {
				case err != nil:
					errs[worker] = err
				case t.Agreement == nil || !*t.Agreement:
					errs[worker] = fmt.Errorf("trace from %s to %s: %s", from.ID, to.ID, t.Summary)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return took, nil
}
