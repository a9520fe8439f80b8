package audit

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
)

// What cannot be cut now is cut later.
func TestTrimmerTriesAgain(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.DiscardHandler)
	fails := true
	var cut []string
	tr := NewTrimmer(quiet, func(_ context.Context, log string) error {
		if fails {
			return fmt.Errorf("away")
		}
		cut = append(cut, log)
		return nil
	})
	defer tr.Close()
	tr.Wrote("a")
	tr.Run(t.Context(), quiet)
	fails = false
	tr.Run(t.Context(), quiet)
	tr.Run(t.Context(), quiet)
	if len(cut) != 1 || cut[0] != "a" {
		t.Errorf("cut %v", cut)
	}
}
