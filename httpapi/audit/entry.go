package audit

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/ringfence/ringfence/httpapi/effect"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// The audit log has one entry for each mutation, written in its transaction, as
// a note of the store: so it is kept apart from etcd's history, and compaction
// does not touch it. There is one log per account, and one of the platform.
// Names are such that the newest entry comes first:
//
//	audit/account/<account>/<MaxInt64 - revision planned on, 16 hex digits>-<MaxInt64 - time in ns, the same>-<id>
//	audit/platform/<the same>
//
// Within a log that is the order of the mutations: those of one account are
// each planned with the one before in sight. Of the same revision may be what
// changes no policy: that is in the order of the clocks of those who wrote it.

const (
	maxNICs  = 50       // listed in one entry's effects
	maxBytes = 64 << 10 // of one entry's changes
)

// Actor is who made a mutation.
type Actor struct {
	Name    string      `json:"name"`
	Account string      `json:"account"` // "*" is the platform
	Role    tokens.Role `json:"role"`
	Address string      `json:"address"` // that the request came from
}

// Entry is an entry. The note has all of it but the revision.
type Entry struct {
	ID          string          `json:"id"`
	Revision    int64           `json:"revision"`
	Time        time.Time       `json:"time"`
	RequestID   string          `json:"request_id"`
	Actor       Actor           `json:"actor"`
	Account     *string         `json:"account"` // null: the platform's
	Method      string          `json:"method"`
	Path        string          `json:"path"`
	Changes     []shape.Change  `json:"changes"`
	ChangesMore bool            `json:"changes_more"` // than are listed
	Effects     *effect.Effects `json:"effects"`
}

// Log is the name that all entries of a log begin with.
func Log(account string) string {
	if account == "" {
		return "audit/platform/"
	}
	return "audit/account/" + account + "/"
}

// Of says what a mutation does that is planned on a policy, and returns whose log it
// belongs in: account's, or else that of the first account that it changes.
func (e *Entry) Of(account string, before *secgroup.Snapshot, r plan.Result, b realization.Board) (log string, err error) {
	size := 0
	for _, ch := range r.Changes {
		if account == "" {
			account = shape.AccountOf(ch.Key, ch.Object, before.Get(ch.Key))
		}
		change, changed, err := shape.ShowChange(ch.Key, before.Get(ch.Key), ch.Object)
		if err != nil {
			return "", err
		}
		text, err := json.Marshal(change)
		if size += len(text); err != nil || size > maxBytes {
			e.ChangesMore = true
			break
		}
		if changed {
			e.Changes = append(e.Changes, change)
		}
	}
	who := realization.Concern{Impact: r.Effects.Impact, Policy: r.After}
	e.Effects = effect.Show(r.Effects, &who, who.Hosts(b), effect.Visible{Account: account, Policies: []*secgroup.Snapshot{r.After, before}}, b, maxNICs)
	for _, l := range []*[]string{&e.Effects.EgressBecameOpen, &e.Effects.EgressBecameRestricted, &e.Effects.InertRules} {
		if len(*l) > maxNICs {
			*l, e.Effects.NICsMore = (*l)[:maxNICs], true
		}
	}
	return account, nil
}

// Note is the note of an entry in an account's log, "" for the platform's, of a
// mutation that was planned at a revision.
func (e *Entry) Note(account string, rev int64, keep time.Duration) (store.NoteWrite, error) {
	if account != "" {
		e.Account = &account
	}
	value, err := json.Marshal(e)
	name := fmt.Sprintf("%s%016x-%016x-%s", Log(account), math.MaxInt64-rev, math.MaxInt64-e.Time.UnixNano(), e.ID)
	return store.NoteWrite{Name: name, Value: value, Keep: keep}, err
}

// NoEffects are those of what changes no policy.
func NoEffects() *effect.Effects {
	return &effect.Effects{NICs: []string{}, Hosts: []string{}, EgressBecameOpen: []string{}, EgressBecameRestricted: []string{}, InertRules: []string{}}
}
