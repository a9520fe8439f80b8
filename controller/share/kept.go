package share

import "time"

// Kept says what a share is that the host has kept of before.
type Kept struct {
	Saved time.Time // when it was kept, by the host's clock
	// Newer and Elsewhere are the NICs that others served then, see ofrules.Host.
	Newer, Elsewhere map[string]string
}
