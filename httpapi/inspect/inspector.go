// Package inspect asks the hosts of an account's NICs what is there now: installed flows,
// open connections, drops, and what rules have let through.
package inspect

import (
	"context"
	"encoding/json"
	"time"

	"github.com/ringfence/ringfence/httpapi/asking"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// Store is what is needed of *store.Store.
type Store interface {
	Read(ctx context.Context, f func(*secgroup.Snapshot) error) error
	Places(nic string) []store.Place
	Ask(ctx context.Context, host, kind string, body json.RawMessage) ([]byte, error)
}

// Inspector asks hosts.
type Inspector struct {
	Store     Store
	Keeper    inquiry.Keeper
	Questions *asking.Questions // the bounds of what an account asks
	Now       func() time.Time

	// Dropped is told what a host says of the drops of an account's NICs, at a time
	// by the host's clock.
	Dropped func(account string, at time.Time, nics []string, totals []inquiry.DropTotal)
}
