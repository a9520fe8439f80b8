package httpapi

import (
	"errors"
	"fmt"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// A POST that makes nothing of the policy honours Idempotency-Key too: its
// answer is kept, by itself.

// replayKept gives such an answer again, if there was one.
func (c *call) replayKept(i *idempotency) (replayed bool, err error) {
	if kept, err := c.kept(i); !kept || err != nil {
		return false, err
	}
	c.res.Header().Set("Idempotency-Replayed", "true")
	return true, c.made(i.answer.Status, i.answer.Location, i.answer.Body)
}

// answerOnce answers, and keeps the answer under the key, if there is one. Of
// two that are asked for at once the one that is kept is given to both.
func (c *call) answerOnce(i *idempotency, status int, location string, v any) error {
	body, err := encode(v)
	if err != nil {
		return err
	}
	if i == nil {
		return c.made(status, location, body)
	}
	none := func(*secgroup.Snapshot) ([]secgroup.Change, error) { return nil, nil }
	_, err = c.api.store.Update(c.req.Context(), none, store.WithNotes(func(*secgroup.Snapshot, []secgroup.Change) ([]store.NoteWrite, error) {
		n, err := i.note(written{status: status, location: location, body: body})
		return []store.NoteWrite{n}, err
	}))
	if errors.Is(err, store.ErrNoteTaken) {
		replayed, err := c.replayKept(i)
		if err == nil && !replayed {
			err = fmt.Errorf("%w: an idempotency key came and went", store.ErrUnavailable)
		}
		return err
	}
	if err != nil {
		return err
	}
	return c.made(status, location, body)
}

func (c *call) made(status int, location string, body []byte) error {
	c.res.Header().Set("Location", location)
	return c.answer(status, body)
}
