package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/ringfence/ringfence/httpapi/change"
	"github.com/ringfence/ringfence/httpapi/effect"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// idempotencyKeep is for how long an answer is given again.
const idempotencyKeep = 24 * time.Hour

// Bounds of what is kept: of the answers of one account, as many as have keptUnit
// bytes or less, and longer ones count as several, which bounds them to 16 MiB
// together; up to what length they are kept as they are, and how long one may be
// as it is kept, in bytes.
const (
	keptAnswers = 2000
	keptUnit    = 8 << 10
	keptPlain   = 16 << 10
	keptBytes   = 64 << 10
)

// maxIdempotencyKey bounds the header's value, in bytes.
const maxIdempotencyKey = 255

// idempotency is the header Idempotency-Key of a POST. The first request's
// answer is kept in the same transaction as its change, so that there is
// exactly one of both, whichever API process is asked and whatever becomes of
// it. Requests that were refused are not kept: they changed nothing.
type idempotency struct {
	name   string // of the note
	sum    string // of what the request asks for
	now    time.Time
	most   int   // bytes of the answer as it is kept
	over   int64 // revision of an outdated note to replace, 0 = there is none
	answer idempotencyRecord
	rev    int64 // of the note that has the answer
}

// idempotencyRecord is a note: an answer whose revision is not known yet.
type idempotencyRecord struct {
	Sum      string          `json:"sum"`
	At       time.Time       `json:"at"`
	Status   int             `json:"status"`
	Location string          `json:"location,omitempty"`
	Tag      string          `json:"tag"`
	Body     keptBody        `json:"body"`
	Effects  *effect.Effects `json:"effects"`
}

// idempotency reads the header, nil if it is not there. The body must have been
// read.
func (c *call) idempotency() (*idempotency, error) {
	key := c.req.Header.Get("Idempotency-Key")
	if key == "" || c.req.Method != http.MethodPost {
		return nil, nil
	}
	if len(key) > maxIdempotencyKey || len(c.req.Header.Values("Idempotency-Key")) > 1 {
		return nil, transport.BadParameter(fmt.Sprintf("Idempotency-Key is one value of at most %d bytes", maxIdempotencyKey))
	}
	scope := sha256.Sum256([]byte(c.who.Account + "\x00" + c.who.Name + "\x00" + key))
	asked := sha256.Sum256([]byte(c.req.Method + " " + c.req.URL.EscapedPath() + "?" + c.req.URL.Query().Encode() + "\x00" + string(c.sum[:])))
	return &idempotency{
		name: "idempotency/" + c.in.Account + "/" + hex.EncodeToString(scope[:]),
		sum:  hex.EncodeToString(asked[:]),
		now:  c.api.now(),
		most: c.api.keptBytes,
	}, nil
}

// replay gives the first answer again, if there was one.
func (c *call) replay(i *idempotency) (replayed bool, err error) {
	if kept, err := c.kept(i); !kept || err != nil {
		return false, err
	}
	rev := i.rev
	var hosts realization.Need
	err = c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		i, known := c.api.past.ImpactAt(rev)
		if !known {
			i = impact.Impact{All: true}
		}
		hosts = c.api.past.Needs(plan.NewView(s, s.Revision(), nil), c.api.store.Hosts(), i, rev)
		return nil
	})
	if err != nil {
		return false, err
	}
	c.res.Header().Set("Idempotency-Replayed", "true")
	return true, c.report(i.answer.outcome(rev, hosts))
}

// kept reads the answer that was kept for the key, if there is one.
func (c *call) kept(i *idempotency) (found bool, err error) {
	n, ok, err := c.api.store.Note(c.req.Context(), i.name)
	if err != nil || !ok {
		return false, err
	}
	var r idempotencyRecord
	if err := json.Unmarshal(n.Value, &r); err != nil {
		return false, fmt.Errorf("note %s: %w", n.Name, err)
	}
	if i.now.Sub(r.At) >= idempotencyKeep {
		i.over = n.Revision
		return false, nil
	}
	if r.Sum != i.sum {
		return false, transport.Refuse(http.StatusUnprocessableEntity, transport.CodeKeyReuse, "the key was used for another request in the last 24 hours")
	}
	i.answer, i.rev = r, n.Revision
	return true, nil
}

// mayKeep refuses a request with a key if the account has as many answers kept as
// it may. Requests that come at the same time may be some more.
func (c *call) mayKeep() error {
	n, err := c.api.store.CountNotes(c.req.Context(), "idempotency/"+c.in.Account+"/")
	if err == nil && n >= c.api.keptAnswers {
		return &plan.Conflict{Code: plan.CodeQuotaExceeded, Detail: fmt.Sprintf(
			"%d answers are kept for Idempotency-Keys of the account, each for %v (one of more than %d KiB counts as several), and that is the limit; send the request without the header",
			n, idempotencyKeep, keptUnit>>10)}
	}
	return err
}

// beaten answers a request that was not made, because of err, although nothing
// was kept for its key when it came. The same request, sent at the same time,
// may have been made since: then the key is taken, or what this one was to make
// is there already and refuses it. Whatever a plan has seen, the store shows.
func (c *call) beaten(i *idempotency, err error) error {
	if errors.Is(err, store.ErrUnavailable) {
		return err
	}
	replayed, failed := c.replay(i)
	switch {
	case replayed || failed != nil:
		return failed
	case errors.Is(err, store.ErrNoteTaken):
		return fmt.Errorf("%w: an idempotency key came and went", store.ErrUnavailable)
	}
	return err
}

// notes keep an answer, and make it the one to give. Beside the note that has it
// there is an empty one for each keptUnit of its length but the first, so that to
// count the notes is to count the bytes.
func (i *idempotency) notes(out change.Outcome) ([]store.NoteWrite, error) {
	i.answer = idempotencyRecord{i.sum, i.now, out.Status, out.Location, out.Tag, out.Body, out.Effects}
	value, err := json.Marshal(i.answer)
	switch {
	case err != nil:
		return nil, err
	case len(value) > i.most:
		return nil, transport.Refuse(http.StatusRequestEntityTooLarge, transport.CodeBodyTooLarge, fmt.Sprintf(
			"the answer is too large to be kept for an Idempotency-Key (%d bytes, at most %d); make the change in smaller steps, or send it without the header", len(value), i.most))
	}
	notes := []store.NoteWrite{{Name: i.name, Value: value, Keep: idempotencyKeep, Once: true, Over: i.over, Always: true}}
	for more := 1; more*keptUnit < len(value); more++ {
		notes = append(notes, store.NoteWrite{Name: fmt.Sprintf("%s+%d", i.name, more), Keep: idempotencyKeep, Always: true})
	}
	return notes, nil
}

// outcome is the answer to the first request, made at a revision.
func (r *idempotencyRecord) outcome(rev int64, hosts realization.Need) change.Outcome {
	return change.Outcome{
		Status: r.Status, Rev: rev, Location: r.Location, Effects: r.Effects, Need: hosts,
		Tag:  string(withRevision([]byte(r.Tag), "", rev)),
		Body: withRevision(r.Body, `"revision":`, rev),
	}
}

// toBeRevision stands for the revision of a write that is not made yet. It is
// written where a number of that name stands, which no text in the JSON can
// imitate: there the quotes before the colon would be escaped.
const toBeRevision = math.MinInt64

func withRevision(b []byte, name string, rev int64) []byte {
	return bytes.ReplaceAll(b, []byte(name+strconv.FormatInt(toBeRevision, 10)), []byte(name+strconv.FormatInt(rev, 10)))
}

// toBeWritten gives changed objects, and what is new in them, toBeRevision.
func toBeWritten(changes []secgroup.Change) []secgroup.Change {
	out := make([]secgroup.Change, len(changes))
	for i, c := range changes {
		out[i] = c
		switch o := c.Object.(type) {
		case *secgroup.Group:
			g := *o
			g.Revision, g.Rules = toBeRevision, append([]secgroup.Rule{}, o.Rules...)
			for k := range g.Rules {
				if g.Rules[k].Revision == 0 {
					g.Rules[k].Revision = toBeRevision
				}
			}
			out[i].Object = &g
		case *secgroup.Instance:
			n := *o
			n.Revision = toBeRevision
			out[i].Object = &n
		}
	}
	return out
}
