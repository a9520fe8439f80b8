package store

import (
	"context"

	"github.com/ringfence/ringfence/store/internal/link"
)

// Config says how to reach etcd. Only Endpoints is needed.
type Config = link.Config

// OpError is a failure of one operation of the store. It unwraps to Kind, one
// of the errors of this package or nil, and to Err, the cause.
type OpError = link.OpError

// Role is what etcd should let a user do who is one process of Ringfence, or all
// of a kind. Config.APIRole and Config.HostRole make them.
type Role = link.Role

// Grant is access to one key, or to all that begin with it.
type Grant = link.Grant

// Authorize makes users and roles in etcd, and then has it ask everybody for a
// certificate's name. It may be repeated, with more roles: what is there stays.
// root has to be the client's own name if that is asked for already. tell is given
// each step when it is done.
func Authorize(ctx context.Context, cfg Config, roles []Role, tell func(string)) error {
	return link.Authorize(ctx, cfg, roles, tell)
}

// What an operation of the store fails with.
var (
	// ErrUnavailable says that etcd cannot be reached, or does not serve:
	// nothing was written. ErrFull and ErrNoLeader are ErrUnavailable, too.
	ErrUnavailable = link.ErrUnavailable
	// ErrFull says that etcd takes no writes because its quota of space is used
	// up (its alarm NOSPACE). It still answers reads.
	ErrFull = link.ErrFull
	// ErrNoLeader says that etcd has no leader: a majority of its members is
	// away, or does not reach each other.
	ErrNoLeader = link.ErrNoLeader
	// ErrOutcomeUnknown says that the store was lost during a commit, and
	// stayed lost until it was too late to ask what became of it. It is an
	// ErrUnavailable, but the write may have happened.
	ErrOutcomeUnknown = link.ErrOutcomeUnknown
	// ErrTooLarge says that a change does not fit in one transaction of this
	// etcd cluster. Nothing was written. See --max-txn-ops and
	// --max-request-bytes of etcd.
	ErrTooLarge = link.ErrTooLarge
	// ErrClosed says that the Store was closed.
	ErrClosed = link.ErrClosed
)

// EtcdSays is the text of the error of etcd that is the cause of err; "" if
// none is, as when etcd cannot be reached.
func EtcdSays(err error) string { return link.EtcdSays(err) }

// ErrAsksForNoCertificate is why Authorize does nothing: after it nobody, root
// neither, could say who they are.
var ErrAsksForNoCertificate = link.ErrAsksForNoCertificate
