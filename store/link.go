package store

import (
	"context"

	"github.com/ringfence/ringfence/store/internal/link"
)

// Config and what follows say how etcd is reached, and who may do what there, as package
// link has it: the comments are there.
type (
	Config  = link.Config
	OpError = link.OpError
	Role    = link.Role
	Grant   = link.Grant
)

// What an operation of the store fails with, as package link says.
var (
	ErrUnavailable          = link.ErrUnavailable
	ErrFull                 = link.ErrFull
	ErrNoLeader             = link.ErrNoLeader
	ErrOutcomeUnknown       = link.ErrOutcomeUnknown
	ErrTooLarge             = link.ErrTooLarge
	ErrClosed               = link.ErrClosed
	ErrAsksForNoCertificate = link.ErrAsksForNoCertificate
)

// Authorize is link.Authorize.
func Authorize(ctx context.Context, cfg Config, roles []Role, tell func(string)) error {
	return link.Authorize(ctx, cfg, roles, tell)
}

// EtcdSays is link.EtcdSays.
func EtcdSays(err error) string { return link.EtcdSays(err) }
