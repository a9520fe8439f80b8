package faults

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ringfence/ringfence/client"
)

// canaryWithin is how long an API may take to find a member of etcd that
// answers, beside what the machine takes.
const canaryWithin = 2*time.Second + machineShare

// expectWrite complains if no API takes a write in time, from when etcd itself does
// again.
func (w *World) expectWrite(ctx context.Context, etcd func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var waits sync.WaitGroup
	defer waits.Wait()
	waits.Go(func() {
		if etcd(ctx) == nil {
			late := time.AfterFunc(canaryWithin, cancel)
			context.AfterFunc(ctx, func() { late.Stop() })
		}
	})
	err := w.Plane.await(ctx, "a write while something is wrong that does not concern it", func() error { return w.canary(ctx) })
	cancel()
	return err
}

// canary asks all APIs for a write that changes nothing for anybody, and is
// content with one that makes it.
func (w *World) canary(ctx context.Context) error {
	answers := make(chan error, len(apiNames))
	for _, name := range apiNames {
		go func() {
			description := fmt.Sprintf("%s at %s", name, time.Now())
			_, err := w.Plane.Clients[name].PatchGroup(ctx, accountID, "stranger", map[string]any{"description": description})
			answers <- err
		}()
	}
	var errs []error
	for range apiNames {
		err := <-answers
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// expectFull complains if no API says why it takes no write.
func (w *World) expectFull(ctx context.Context) error {
	if !made(checkFullSaid) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, canaryWithin)
	defer cancel()
	return w.Plane.await(ctx, "the word store-full", func() error {
		err := w.canary(ctx)
		if client.HasCode(err, "store-full") {
			return nil
		}
		return fmt.Errorf("a write into a full store: %w", err)
	})
}
