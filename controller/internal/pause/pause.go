// Package pause waits for a while, unless there is no need to any more.
package pause

import (
	"context"
	"time"
)

// For returns nil after d, or the error of ctx if that ends first.
func For(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
