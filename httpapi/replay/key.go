package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/ringfence/ringfence/httpapi/change"
	"github.com/ringfence/ringfence/httpapi/effect"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// Keep is for how long an answer is given again.
const Keep = 24 * time.Hour

// Bounds of what is kept: of the answers of one account, as many as have Unit
// bytes or less, and longer ones count as several, which bounds them to 16 MiB
// together; up to what length they are kept as they are, and how long one may be
// as it is kept, in bytes.
const (
	Answers = 2000
	Unit    = 8 << 10
	Plain   = 16 << 10
	Bytes   = 64 << 10
)

// Key is the header Idempotency-Key of a POST. The first request's
// answer is kept in the same transaction as its change, so that there is
// exactly one of both, whichever API process is asked and whatever becomes of
// it. Requests that were refused are not kept: they changed nothing.
type Key struct {
	Name   string // of the note
	Sum    string // of what the request asks for
	Now    time.Time
	Most   int   // bytes of the answer as it is kept
	over   int64 // revision of an outdated note to replace, 0 = there is none
	Answer Record
	Rev    int64 // of the note that has the answer
}

// Record is a note: an answer whose revision is not known yet.
type Record struct {
	Sum      string          `json:"sum"`
	At       time.Time       `json:"at"`
	Status   int             `json:"status"`
	Location string          `json:"location,omitempty"`
	Tag      string          `json:"tag"`
	Body     body            `json:"body"`
	Effects  *effect.Effects `json:"effects"`
}

// Found takes the note that is there for the key, and tells whether it has an answer
// to give again: not if it is outdated. Another request's is refused.
func (k *Key) Found(n store.Note) (bool, error) {
	var r Record
	if err := json.Unmarshal(n.Value, &r); err != nil {
		return false, fmt.Errorf("note %s: %w", n.Name, err)
	}
	if k.Now.Sub(r.At) >= Keep {
		k.over = n.Revision
		return false, nil
	}
	if r.Sum != k.Sum {
		return false, transport.Refuse(http.StatusUnprocessableEntity, transport.CodeKeyReuse, "the key was used for another request in the last 24 hours")
	}
	k.Answer, k.Rev = r, n.Revision
	return true, nil
}

// Notes keep an answer, and make it the one to give. Beside the note that has it
// there is an empty one for each Unit of its length but the first, so that to
// count the notes is to count the bytes.
func (k *Key) Notes(out change.Outcome) ([]store.NoteWrite, error) {
	k.Answer = Record{k.Sum, k.Now, out.Status, out.Location, out.Tag, out.Body, out.Effects}
	value, err := json.Marshal(k.Answer)
	switch {
	case err != nil:
		return nil, err
	case len(value) > k.Most:
		return nil, transport.Refuse(http.StatusRequestEntityTooLarge, transport.CodeBodyTooLarge, fmt.Sprintf(
			"the answer is too large to be kept for an Idempotency-Key (%d bytes, at most %d); make the change in smaller steps, or send it without the header", len(value), k.Most))
	}
	notes := []store.NoteWrite{{Name: k.Name, Value: value, Keep: Keep, Once: true, Over: k.over, Always: true}}
	for more := 1; more*Unit < len(value); more++ {
		notes = append(notes, store.NoteWrite{Name: fmt.Sprintf("%s+%d", k.Name, more), Keep: Keep, Always: true})
	}
	return notes, nil
}

// Outcome is the answer to the first request, made at a revision.
func (r *Record) Outcome(rev int64, hosts realization.Need) change.Outcome {
	return change.Outcome{
		Status: r.Status, Rev: rev, Location: r.Location, Effects: r.Effects, Need: hosts,
		Tag:  string(withRevision([]byte(r.Tag), "", rev)),
		Body: withRevision(r.Body, `"revision":`, rev),
	}
}

// ToBeRevision stands for the revision of a write that is not made yet. It is
// written where a number of that name stands, which no text in the JSON can
// imitate: there the quotes before the colon would be escaped.
const ToBeRevision = math.MinInt64

func withRevision(b []byte, name string, rev int64) []byte {
	return bytes.ReplaceAll(b, []byte(name+strconv.FormatInt(ToBeRevision, 10)), []byte(name+strconv.FormatInt(rev, 10)))
}

// ToBeWritten gives changed objects, and what is new in them, ToBeRevision.
func ToBeWritten(changes []secgroup.Change) []secgroup.Change {
	out := make([]secgroup.Change, len(changes))
	for i, c := range changes {
		out[i] = c
		switch o := c.Object.(type) {
		case *secgroup.Group:
			g := *o
			g.Revision, g.Rules = ToBeRevision, append([]secgroup.Rule{}, o.Rules...)
			for k := range g.Rules {
				if g.Rules[k].Revision == 0 {
					g.Rules[k].Revision = ToBeRevision
				}
			}
			out[i].Object = &g
		case *secgroup.Instance:
			n := *o
			n.Revision = ToBeRevision
			out[i].Object = &n
		}
	}
	return out
}
