package httpapi

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
	// alarmKeep is longer than the history is kept, unless the store is told otherwise.
	alarmKeep = 2 * time.Hour
	// alarmPause is how long an account has no second alarm: whoever traces a
	// fault again and again makes no revision each time.
	alarmPause = 10 * time.Second
	// alarmTimeout bounds the writing.
	alarmTimeout = 10 * time.Second
)

const alarmDisagreement = "trace-disagreement"

// alarmJSON is one alarm in an event.
type alarmJSON struct {
	Kind    string         `json:"kind"`
	Trace   string         `json:"trace,omitempty"` // its id
	Time    time.Time      `json:"time"`
	Summary string         `json:"summary"`
	Packet  *asking.Packet `json:"packet,omitempty"`
	Legs    []alarmLegJSON `json:"legs"` // where policy and datapath differ

	Conflicts []nicConflictJSON `json:"conflicts,omitempty"`
}

type alarmLegJSON struct {
	Direction secgroup.Direction `json:"direction"`
	NIC       *string            `json:"nic"` // null: another account's
	Host      *string            `json:"host"`
	Policy    inquiry.Verdict    `json:"policy"`
	Datapath  inquiry.Verdict    `json:"datapath"`
	Probe     *inquiry.Verdict   `json:"probe"`
}

// alarms spaces the alarms of each account.
type alarms struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// due tells whether an account may have an alarm now, and counts it.
func (a *alarms) due(account string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for other, at := range a.last {
		if now.Sub(at) >= alarmPause {
			delete(a.last, other)
		}
	}
	if _, recent := a.last[account]; recent {
		return false
	}
	if a.last == nil {
		a.last = map[string]time.Time{}
	}
	a.last[account] = now
	return true
}

// raise makes an event of a trace that shows a disagreement.
func (a *API) raise(ctx context.Context, t *tracing.Trace) error {
	if !a.alarms.due(t.Account, a.now()) {
		return nil
	}
	alarm := alarmJSON{Kind: alarmDisagreement, Trace: t.ID, Time: a.now().UTC(), Summary: t.Summary, Packet: &t.Packet, Legs: []alarmLegJSON{}}
	for _, l := range t.Legs {
		leg := alarmLegJSON{Direction: l.Direction, NIC: l.NIC, Host: l.Host, Policy: l.Policy.Verdict, Datapath: l.Datapath.Verdict}
		if l.Probe != nil {
			leg.Probe = &l.Probe.Verdict
		}
		if l.Differs() {
			alarm.Legs = append(alarm.Legs, leg)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, alarmTimeout)
	defer cancel()
	return a.note(ctx, t.Account, t.ID, alarm)
}

// note writes an alarm of an account, and other notes with it.
func (a *API) note(ctx context.Context, account, id string, alarm alarmJSON, with ...store.NoteWrite) error {
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
	_, err = a.store.Update(ctx, nothing, store.WithNotes(func(before *secgroup.Snapshot, _ []secgroup.Change) ([]store.NoteWrite, error) {
		return append(with, store.NoteWrite{Name: alarmLog(account, before.Revision()) + "-" + id, Value: value, Keep: alarmKeep, Always: true}), nil
	}))
	return err
}

// alarmLog is what the names of alarms begin with that were planned on a revision.
func alarmLog(account string, rev int64) string {
	return fmt.Sprintf("alarm/%s/%016x", account, math.MaxInt64-rev)
}

// alarmsAt are the alarms of an account that made a revision at which nothing
// changed: one, or none.
func (a *API) alarmsAt(ctx context.Context, account string, rev int64) ([]alarmJSON, error) {
	// It was planned on an earlier one: "~" is behind all that was planned on this.
	notes, err := a.store.Notes(ctx, "alarm/"+account+"/", alarmLog(account, rev)+"~", 1)
	if err != nil || len(notes) == 0 || notes[0].Revision != rev {
		return nil, err
	}
	var alarm alarmJSON
	if err := json.Unmarshal(notes[0].Value, &alarm); err != nil {
		return nil, fmt.Errorf("note %s: %w", notes[0].Name, err)
	}
	return []alarmJSON{alarm}, nil
}
