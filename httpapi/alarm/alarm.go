package alarm

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/ringfence/ringfence/httpapi/asking"
	"github.com/ringfence/ringfence/httpapi/tracing"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// An alarm is an event that no change made: a trace showed that the datapath
// does not do what the policy says, or a NIC is plugged where it may not be or at
// several hosts (see conflicts). It is a note of the store, written with a
// revision of its own, at which no object changes: so it stands in the history
// among the changes, for every API process. Names are such that the newest
// comes first:
//
//	alarm/<account>/<MaxInt64 - revision planned on, 16 hex digits>-<id of the trace, or any>

const (
	// keep is longer than the history is kept, unless the store is told otherwise.
	keep = 2 * time.Hour
	// pause is how long an account has no second alarm: whoever traces a
	// fault again and again makes no revision each time.
	pause = 10 * time.Second
	// timeout bounds the writing.
	timeout = 10 * time.Second
)

// Disagreement is the kind of an alarm that a trace made.
const Disagreement = "trace-disagreement"

// Alarm is one alarm in an event.
type Alarm struct {
	Kind    string         `json:"kind"`
	Trace   string         `json:"trace,omitempty"` // its id
	Time    time.Time      `json:"time"`
	Summary string         `json:"summary"`
	Packet  *asking.Packet `json:"packet,omitempty"`
	Legs    []Leg          `json:"legs"` // where policy and datapath differ

	Conflicts []Conflict `json:"conflicts,omitempty"`
}

// Leg is a leg of a trace in which policy and datapath differ.
type Leg struct {
	Direction secgroup.Direction `json:"direction"`
	NIC       *string            `json:"nic"` // null: another account's
	Host      *string            `json:"host"`
	Policy    inquiry.Verdict    `json:"policy"`
	Datapath  inquiry.Verdict    `json:"datapath"`
	Probe     *inquiry.Verdict   `json:"probe"`
}

// Store is what is needed of *store.Store.
type Store interface {
	Read(ctx context.Context, f func(*secgroup.Snapshot) error) error
	Update(ctx context.Context, plan func(*secgroup.Snapshot) ([]secgroup.Change, error), opts ...store.UpdateOption) (int64, error)
	Hosts() []store.HostStatus
	WaitHosts(ctx context.Context, done func([]store.HostStatus) bool) error
	Note(ctx context.Context, name string) (n store.Note, ok bool, err error)
	Notes(ctx context.Context, prefix, after string, limit int) ([]store.Note, error)
}

// Book has the alarms of accounts, and spaces those that traces make.
type Book struct {
	Store Store
	Now   func() time.Time

	mu   sync.Mutex
	last map[string]time.Time
}

// due tells whether an account may have an alarm now, and counts it.
func (b *Book) due(account string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for other, at := range b.last {
		if now.Sub(at) >= pause {
			delete(b.last, other)
		}
	}
	if _, recent := b.last[account]; recent {
		return false
	}
	if b.last == nil {
		b.last = map[string]time.Time{}
	}
	b.last[account] = now
	return true
}

// Raise makes an event of a trace that shows a disagreement.
func (b *Book) Raise(ctx context.Context, t *tracing.Trace) error {
	if !b.due(t.Account, b.Now()) {
		return nil
	}
	alarm := Alarm{Kind: Disagreement, Trace: t.ID, Time: b.Now().UTC(), Summary: t.Summary, Packet: &t.Packet, Legs: []Leg{}}
	for _, l := range t.Legs {
		leg := Leg{Direction: l.Direction, NIC: l.NIC, Host: l.Host, Policy: l.Policy.Verdict, Datapath: l.Datapath.Verdict}
		if l.Probe != nil {
			leg.Probe = &l.Probe.Verdict
		}
		if l.Differs() {
			alarm.Legs = append(alarm.Legs, leg)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return b.note(ctx, t.Account, t.ID, alarm)
}

// note writes an alarm of an account, and other notes with it.
func (b *Book) note(ctx context.Context, account, id string, alarm Alarm, with ...store.NoteWrite) error {
	value, err := json.Marshal(alarm)
	if err != nil {
		return err
	}
	nothing := func(s *secgroup.Snapshot) ([]secgroup.Change, error) {
		if s.Account(account) == nil {
			return nil, transport.NotFound()
		}
		return nil, nil
	}
	_, err = b.Store.Update(ctx, nothing, store.WithNotes(func(before *secgroup.Snapshot, _ []secgroup.Change) ([]store.NoteWrite, error) {
		return append(with, store.NoteWrite{Name: nameAt(account, before.Revision()) + "-" + id, Value: value, Keep: keep, Always: true}), nil
	}))
	return err
}

// nameAt is what the names of alarms begin with that were planned on a revision.
func nameAt(account string, rev int64) string {
	return fmt.Sprintf("alarm/%s/%016x", account, math.MaxInt64-rev)
}

// At are the alarms of an account that made a revision at which nothing
// changed: one, or none.
func (b *Book) At(ctx context.Context, account string, rev int64) ([]Alarm, error) {
	// It was planned on an earlier one: "~" is behind all that was planned on this.
	notes, err := b.Store.Notes(ctx, "alarm/"+account+"/", nameAt(account, rev)+"~", 1)
	if err != nil || len(notes) == 0 || notes[0].Revision != rev {
		return nil, err
	}
	var alarm Alarm
	if err := json.Unmarshal(notes[0].Value, &alarm); err != nil {
		return nil, fmt.Errorf("note %s: %w", notes[0].Name, err)
	}
	return []Alarm{alarm}, nil
}
