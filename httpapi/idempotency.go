package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"

	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/replay"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/impact"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// maxIdempotencyKey bounds the header's value, in bytes.
const maxIdempotencyKey = 255

// idempotency reads the header, nil if it is not there. The body must have been
// read.
func (c *call) idempotency() (*replay.Key, error) {
	key := c.req.Header.Get("Idempotency-Key")
	if key == "" || c.req.Method != http.MethodPost {
		return nil, nil
	}
	if len(key) > maxIdempotencyKey || len(c.req.Header.Values("Idempotency-Key")) > 1 {
		return nil, transport.BadParameter(fmt.Sprintf("Idempotency-Key is one value of at most %d bytes", maxIdempotencyKey))
	}
	scope := sha256.Sum256([]byte(c.who.Account + "\x00" + c.who.Name + "\x00" + key))
	asked := sha256.Sum256([]byte(c.req.Method + " " + c.req.URL.EscapedPath() + "?" + c.in.Parameters.Encode() + "\x00" + string(c.sum[:])))
	return &replay.Key{
		Name: "idempotency/" + c.in.Account + "/" + hex.EncodeToString(scope[:]),
		Sum:  hex.EncodeToString(asked[:]),
		Now:  c.api.now(),
		Most: c.api.keptBytes,
	}, nil
}

// replay gives the first answer again, if there was one.
func (c *call) replay(i *replay.Key) (replayed bool, err error) {
	if kept, err := c.kept(i); !kept || err != nil {
		return false, err
	}
	rev := i.Rev
	var hosts realization.Need
	err = c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		i, known := c.api.past.ImpactAt(rev)
		if !known {
			i = impact.Impact{All: true}
		}
		hosts = c.api.past.Needs(s, c.api.store, i, rev)
		return nil
	})
	if err != nil {
		return false, err
	}
	c.res.Header().Set("Idempotency-Replayed", "true")
	return true, c.report(i.Answer.Outcome(rev, hosts))
}

// kept reads the answer that was kept for the key, if there is one.
func (c *call) kept(i *replay.Key) (found bool, err error) {
	n, ok, err := c.api.store.Note(c.req.Context(), i.Name)
	if err != nil || !ok {
		return false, err
	}
	return i.Found(n)
}

// mayKeep refuses a request with a key if the account has as many answers kept as
// it may. Requests that come at the same time may be some more.
func (c *call) mayKeep() error {
	n, err := c.api.store.CountNotes(c.req.Context(), "idempotency/"+c.in.Account+"/")
	if err == nil && n >= c.api.keptAnswers {
		return &plan.Conflict{Code: plan.CodeQuotaExceeded, Detail: fmt.Sprintf(
			"%d answers are kept for Idempotency-Keys of the account, each for %v (one of more than %d KiB counts as several), and that is the limit; send the request without the header",
			n, replay.Keep, replay.Unit>>10)}
	}
	return err
}

// beaten answers a request that was not made, because of err, although nothing
// was kept for its key when it came. The same request, sent at the same time,
// may have been made since: then the key is taken, or what this one was to make
// is there already and refuses it. Whatever a plan has seen, the store shows.
func (c *call) beaten(i *replay.Key, err error) error {
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
