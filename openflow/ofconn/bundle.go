package ofconn

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ringfence/ringfence/openflow/wire"
)

// ErrOutcomeUnknown means that a bundle's commit was sent and not answered: its
// changes may all be in effect, or none. Read the flows back.
var ErrOutcomeUnknown = errors.New("outcome unknown")

// Refusal is a message of a bundle that the switch did not take, or that could
// not be encoded.
type Refusal struct {
	Index int // among the messages given to Bundle
	Mod   wire.FlowMod
	Err   error // an openflow.Error if it comes from the switch
}

// BundleError says that nothing of a bundle took effect, and why.
type BundleError struct {
	Refused []Refusal // in order of Index; empty if no message is to blame
	Err     error     // what else went wrong, such as the refusal of the commit
}

func (e *BundleError) Error() string {
	var parts []string
	for i, r := range e.Refused {
		if i == 3 {
			parts = append(parts, fmt.Sprintf("and %d more", len(e.Refused)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s: %v", r.Mod.Flow, r.Err))
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return "nothing took effect: " + strings.Join(parts, "; ")
}

// Unwrap returns the causes.
func (e *BundleError) Unwrap() []error {
	var errs []error
	for _, r := range e.Refused {
		errs = append(errs, r.Err)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

const bundleFlags = wire.BundleAtomic | wire.BundleOrdered

// chunkSize is how many encoded bytes of a bundle are handed over at a time.
const chunkSize = 128 << 10

// Bundle makes all changes at once, in order, or none: packets see the flows as
// they were before or as they are after (OpenFlow 1.5 §6.9). On a *BundleError
// nothing has changed; on ErrOutcomeUnknown that is not known; on any other error
// nothing has changed either, as no commit was sent.
//
// ovs-vswitchd commits a bundle of which it refused messages, so its answers to
// them are awaited first, which costs a round trip. A small bundle saves it whose
// messages are all of shapes that this switch has taken before on this
// connection: nothing in them can be refused before the commit, and what is
// refused at the commit takes the bundle with it. Should the switch do so
// nevertheless, that is ErrOutcomeUnknown, and no shape is believed any more.
//
// The switch does nothing else while it commits: keep bundles to a few thousand
// messages where that matters.
func (c *Conn) Bundle(ctx context.Context, mods []wire.FlowMod) error {
	if len(mods) == 0 {
		return nil
	}
	c.bundlesOpen.Add(1)
	defer c.bundlesOpen.Add(-1)
	c.changes.Add(1)
	if len(mods) == 1 {
		return opError("bundle", c.single(ctx, mods[0]))
	}
	return opError("bundle", c.bundle(ctx, mods))
}

// Changes counts what may have changed the flow tables so far: what was given to
// Bundle, counted before it is sent, and what others did that the monitor told of, if
// there is one. It also tells whether all of ours are over.
func (c *Conn) Changes() (n uint64, over bool) {
	n = c.changes.Load()
	return n, c.bundlesOpen.Load() == 0
}

// single makes one change. The switch makes it whole or not at all without a
// bundle around it, and that saves a round trip.
func (c *Conn) single(ctx context.Context, mod wire.FlowMod) error {
	k := c.call(2)
	defer c.hangUp(k)
	b, err := wire.Append(nil, k.first, mod)
	if err != nil {
		return &BundleError{Refused: []Refusal{{0, mod, err}}}
	}
	if b, err = wire.Append(b, k.last, wire.BarrierRequest{}); err != nil {
		return err
	}
	if err := c.send(ctx, b); err != nil {
		return err
	}
	var refused []Refusal
	for {
		switch m, err := c.answer(ctx, k); {
		case isRefusal(err):
			refused = append(refused, Refusal{0, mod, err})
		case err != nil:
			return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
		case m != wire.Message(wire.BarrierReply{}):
			return fmt.Errorf("%w: %w", ErrOutcomeUnknown, unexpected(m))
		case len(refused) > 0:
			return &BundleError{Refused: refused}
		default:
			return nil
		}
	}
}

func (c *Conn) bundle(ctx context.Context, mods []wire.FlowMod) error {
	b := &bundle{conn: c, id: c.bundleID.Add(1), mods: mods}
	b.call = c.call(len(mods) + 3)
	defer c.hangUp(b.call)
	if len(mods) > shapesMax {
		return b.checked(ctx)
	}
	shapes := shapesOf(mods)
	if c.shapes.accepted(shapes) {
		return b.atOnce(ctx)
	}
	err := b.checked(ctx)
	if err == nil {
		c.shapes.learn(shapes)
	}
	return err
}

// checked commits the bundle when the switch has taken all of its messages.
func (b *bundle) checked(ctx context.Context) error {
	if err := b.fill(ctx, wire.BundleClose); err != nil {
		b.discard()
		return err
	}
	if err := b.await(ctx, wire.BundleClosed); err != nil {
		b.discard()
		return err
	}
	if len(b.refused) > 0 {
		b.discard()
		return &BundleError{Refused: b.refused}
	}
	if err := b.control(ctx, wire.BundleCommit, b.commitXID()); err != nil {
		b.discard()
		return err
	}
	return b.committed(ctx)
}

// atOnce sends the messages and the commit in one write.
func (b *bundle) atOnce(ctx context.Context) error {
	if err := b.fill(ctx, wire.BundleClose, wire.BundleCommit); err != nil {
		b.discard()
		return err
	}
	if err := b.await(ctx, wire.BundleClosed); err != nil {
		b.conn.shapes.forget()
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
	return b.committed(ctx)
}

// committed waits for what became of the commit.
func (b *bundle) committed(ctx context.Context) error {
	err := b.await(ctx, wire.BundleCommitted)
	if err != nil || len(b.refused) > 0 {
		b.conn.shapes.forget()
	}
	switch {
	case err == nil && len(b.refused) == 0:
		return nil
	case err == nil: // of its shape, or of its own, the switch changed its mind
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, &BundleError{Refused: b.refused})
	case isRefusal(err):
		return &BundleError{Refused: b.refused, Err: err}
	default:
		return fmt.Errorf("%w: %w", ErrOutcomeUnknown, err)
	}
}

// bundle is one bundle under way. Its transaction ids are one for the open
// request, one for each message, then those of close and commit.
type bundle struct {
	conn    *Conn
	call    *call
	id      uint32
	mods    []wire.FlowMod
	refused []Refusal
}

func (b *bundle) closeXID() uint32  { return b.call.last - 1 }
func (b *bundle) commitXID() uint32 { return b.call.last }

// fill opens the bundle, sends its messages and what is asked of it then, close
// or close and commit, without waiting for an answer in between.
func (b *bundle) fill(ctx context.Context, then ...wire.BundleType) error {
	chunk, err := wire.Append(make([]byte, 0, chunkOf(len(b.mods))), b.call.first,
		wire.BundleControl{ID: b.id, Type: wire.BundleOpen, Flags: bundleFlags})
	if err != nil {
		return err
	}
	for i, mod := range b.mods {
		next, err := wire.Append(chunk, b.call.first+1+uint32(i),
			wire.BundleAdd{ID: b.id, Flags: bundleFlags, Message: mod})
		if err != nil {
			return &BundleError{Refused: []Refusal{{i, mod, err}}}
		}
		chunk = next
		if len(chunk) >= chunkSize {
			if err := b.conn.send(ctx, chunk); err != nil {
				return err
			}
			chunk = make([]byte, 0, chunkOf(len(b.mods)-i-1))
		}
	}
	for i, t := range then {
		chunk, err = wire.Append(chunk, b.closeXID()+uint32(i),
			wire.BundleControl{ID: b.id, Type: t, Flags: bundleFlags})
		if err != nil {
			return err
		}
	}
	return b.conn.send(ctx, chunk)
}

// chunkOf is the room to make for the next n messages of a bundle, in bytes.
func chunkOf(n int) int { return min(chunkSize+64<<10, 1024+256*n) }

func (b *bundle) control(ctx context.Context, t wire.BundleType, xid uint32) error {
	msg, err := wire.Append(nil, xid, wire.BundleControl{ID: b.id, Type: t, Flags: bundleFlags})
	if err != nil {
		return err
	}
	return b.conn.send(ctx, msg)
}

// await takes answers until the bundle reached a state, and notes refusals of
// its messages on the way. The switch answers in the order of the requests.
func (b *bundle) await(ctx context.Context, want wire.BundleType) error {
	for {
		raw, err := b.conn.next(ctx, b.call)
		if err != nil {
			return err
		}
		xid, m, err := wire.Decode(raw)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrProtocol, err)
		}
		switch m := m.(type) {
		case wire.Error:
			if xid == b.call.first || xid >= b.closeXID() {
				return m
			}
			i := int(xid - b.call.first - 1)
			b.refused = append(b.refused, Refusal{i, b.mods[i], m})
		case wire.BundleControl:
			if m.Type == want {
				return nil
			}
		default:
			return unexpected(m)
		}
	}
}

// isRefusal reports whether the switch answered with an error.
func isRefusal(err error) bool {
	var e wire.Error
	return errors.As(err, &e)
}

// discard tells the switch to forget an open bundle; it forgets it anyway when
// the connection ends or, in time, when the bundle is idle.
//
//nolint:contextcheck // also what the caller has no time for any more is discarded
func (b *bundle) discard() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	// The answer is not awaited, and comes in as one that nobody asked for.
	_ = b.control(ctx, wire.BundleDiscard, b.commitXID())
}
