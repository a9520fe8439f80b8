// Package questions carries questions to hosts, and their answers, by way of the
// store: who asks and who answers never talk to each other directly.
package questions

import (
	"sync/atomic"

	"github.com/ringfence/ringfence/store/internal/link"
)

// Desk asks hosts, and has questions to hosts answered. It may be used by many
// goroutines at once.
type Desk struct {
	// Waiting is how many questions a host takes at a time, those included that
	// it works on, before it refuses more. It is not changed while Serve runs.
	Waiting int

	link    *link.Link
	denied  func(host string) bool
	refused atomic.Int64
}

// New makes a Desk. denied says that another process than this one answers for a
// host.
func New(l *link.Link, denied func(host string) bool) *Desk {
	return &Desk{Waiting: 1000, link: l, denied: denied}
}
