package store

import (
	"context"
	"encoding/json"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/store/internal/hosts"
	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
	"github.com/ringfence/ringfence/store/internal/reporting"
)

// HostStatus and what follows are what the store carries, as package record has it: the
// comments are there.
type (
	HostStatus    = record.HostStatus
	HostNIC       = record.HostNIC
	Write         = record.Write
	RelayStanding = record.RelayStanding
	Further       = record.Further
	Plug          = record.Plug
	ClusterMember = record.ClusterMember
	MemberKind    = record.MemberKind
	Level         = record.Level
	RecordError   = record.Error
)

// The kinds of members.
const (
	MemberAPI  = record.MemberAPI
	MemberHost = record.MemberHost
)

// The levels, see Level.
const (
	LevelFirst     = record.LevelFirst
	LevelContract  = record.LevelContract
	LevelPlacement = record.LevelPlacement
	LevelNow       = record.LevelNow
)

// ErrNewerRecord is as package record has it.
var ErrNewerRecord = record.ErrNewerRecord

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
	ErrMayNotAsk            = link.ErrMayNotAsk
	ErrClosed               = link.ErrClosed
	ErrAsksForNoCertificate = link.ErrAsksForNoCertificate
)

// Authorize is link.Authorize.
func Authorize(ctx context.Context, cfg Config, roles []Role, tell func(string)) error {
	return link.Authorize(ctx, cfg, roles, tell)
}

// EtcdSays is link.EtcdSays.
func EtcdSays(err error) string { return link.EtcdSays(err) }

// Place is as package hosts has it.
type Place = hosts.Place

// SeatError and what follows are as package reporting has them: the comments are there.
type (
	SeatError    = reporting.SeatError
	PlugsOf      = reporting.PlugsOf
	PlugsWritten = reporting.PlugsWritten
)

// ErrSeatTaken is as package reporting has it.
var ErrSeatTaken = reporting.ErrSeatTaken

// Ask puts a question to a host's ServeAsks and returns its answer, which can
// come from any host that reaches the store: the two never talk to each other
// directly. The body is JSON, of at most Config.MaxRequestBytes. Until ctx ends
// without an answer (inquiry.ErrNoAnswer); a host that refuses is an *inquiry.AnswerError.
func (s *Store) Ask(ctx context.Context, host, kind string, body json.RawMessage) ([]byte, error) {
	return s.questions.Ask(ctx, host, kind, body)
}

// ServeAsks has questions to a host answered until ctx ends, several at a time.
// Questions that came while nobody served are answered if they are still open.
func (s *Store) ServeAsks(ctx context.Context, host string, answer inquiry.Answerer) error {
	return s.questions.Serve(ctx, host, answer)
}

// ServeManyAsks has questions to those hosts answered for which of returns an
// inquiry.Answerer when they come, as ServeAsks does for one.
func (s *Store) ServeManyAsks(ctx context.Context, of func(host string) (inquiry.Answerer, bool)) error {
	return s.questions.ServeMany(ctx, of)
}

// RefusedAsks is how many questions were refused here since the store was opened,
// for too many others waited.
func (s *Store) RefusedAsks() int64 { return s.questions.Refused() }
