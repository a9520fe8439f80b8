package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/record"
)

// Note is a record of the caller's own beside the policy, at the key
// extra/<Name> below the store's prefix. Followers of the policy do not see it.
type Note struct {
	Name     string
	Value    []byte
	Revision int64 // etcd revision that wrote it: that of the mutation it was written with
}

// NoteWrite is a note to be written in the transaction of an Update.
type NoteWrite struct {
	Name  string
	Value []byte
	// Keep is how long etcd keeps it, 0 for ever. It may stay 1/24 longer.
	Keep time.Duration
	// Once has the Update fail with ErrNoteTaken if the note is there already,
	// unless it is the one that was written at revision Over.
	Once bool
	Over int64
	// Always has it written also when the plan comes to no change. That makes
	// a revision of the policy at which no object changed.
	Always bool
}

// ErrNoteTaken says that a note that may be written once is there already.
// Nothing was written.
var ErrNoteTaken = errors.New("note is there already")

// WithNotes writes notes in the same transaction as the policy. f is called
// after every run of the plan, with the policy that the plan saw; it should do
// no more than look and compute.
func WithNotes(f func(before *secgroup.Snapshot, changes []secgroup.Change) ([]NoteWrite, error)) UpdateOption {
	return func(o *updateOptions) { o.notes = append(o.notes, f) }
}

// collect gathers what the options want to have written.
func (o updateOptions) collect(before *secgroup.Snapshot, changes []secgroup.Change) ([]NoteWrite, error) {
	var all []NoteWrite
	for _, f := range o.notes {
		notes, err := f(before, changes)
		if err != nil {
			return nil, err
		}
		all = append(all, notes...)
	}
	return all, nil
}

// addNotes adds the notes to a draft: their conditions here, their puts in transaction.
func (d *draft) addNotes(l record.Layout, notes []NoteWrite) {
	d.notes = notes
	for _, n := range notes {
		if n.Once {
			free := guard{l.Extra(n.Name), exactly, n.Over}
			d.txn.first, d.once = append(d.txn.first, free), append(d.once, free)
		}
	}
}

// transaction is a draft as it is committed: with its notes, and with leases for those that
// are not kept for ever.
func (s *Store) transaction(ctx context.Context, d *draft) (txn, error) {
	t := d.txn
	for _, n := range d.notes {
		var opts []clientv3.OpOption
		if n.Keep > 0 {
			lease, err := s.link.Leases.Get(ctx, n.Keep)
			if err != nil {
				return t, fmt.Errorf("lease: %w", err)
			}
			opts = append(opts, clientv3.WithLease(lease))
		}
		t.ops = append(t.ops[:len(t.ops):len(t.ops)], clientv3.OpPut(s.link.Keys.Extra(n.Name), string(n.Value), opts...))
	}
	return t, nil
}

// hasNoteTaken reports whether a transaction failed because a note is there. answers
// are those to look, after the head's.
func (d *draft) hasNoteTaken(answers *clientv3.TxnResponse) bool {
	for i, g := range d.once {
		if kvs := answers.Responses[i+1].GetResponseRange().Kvs; len(kvs) > 0 && kvs[0].ModRevision != g.rev {
			return true
		}
	}
	return false
}

// failureReads is what a transaction that fails on its conditions reads.
func (d *draft) failureReads(l record.Layout) []clientv3.Op {
	ops := []clientv3.Op{clientv3.OpGet(l.Head())}
	for _, g := range d.once {
		ops = append(ops, clientv3.OpGet(g.key))
	}
	return ops
}

// Note reads one note. ok is false if it is not there.
func (s *Store) Note(ctx context.Context, name string) (n Note, ok bool, err error) {
	r, err := s.get(ctx, s.link.Keys.Extra(name))
	if err != nil {
		return Note{}, false, s.link.Failed("read note", err)
	}
	if len(r.Kvs) == 0 {
		return Note{}, false, nil
	}
	return Note{name, r.Kvs[0].Value, r.Kvs[0].ModRevision}, true, nil
}

// Notes reads up to limit notes whose names begin with prefix, in the order of
// their names, after the given one ("" = from the first on).
func (s *Store) Notes(ctx context.Context, prefix, after string, limit int) ([]Note, error) {
	from := s.link.Keys.Extra(prefix)
	end := clientv3.GetPrefixRangeEnd(from)
	if after != "" {
		from = max(from, s.link.Keys.Extra(after)+"\x00")
	}
	if from >= end {
		return nil, nil
	}
	r, err := s.get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(int64(limit)))
	if err != nil {
		return nil, s.link.Failed("read notes", err)
	}
	notes := make([]Note, len(r.Kvs))
	for i, kv := range r.Kvs {
		notes[i] = Note{strings.TrimPrefix(string(kv.Key), s.link.Keys.Extra("")), kv.Value, kv.ModRevision}
	}
	return notes, nil
}

// CountNotes counts the notes whose names begin with prefix.
func (s *Store) CountNotes(ctx context.Context, prefix string) (int, error) {
	r, err := s.get(ctx, s.link.Keys.Extra(prefix), clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return 0, s.link.Failed("count notes", err)
	}
	return int(r.Count), nil
}

// TrimNotes deletes the notes whose names begin with prefix, but for the first
// keep ones in the order of their names.
func (s *Store) TrimNotes(ctx context.Context, prefix string, keep int) error {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	from := s.link.Keys.Extra(prefix)
	end := clientv3.GetPrefixRangeEnd(from)
	// One more than is kept: without it there is nothing to delete, and the
	// keys need not be read.
	n, err := s.link.Client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithCountOnly())
	if err == nil && n.Count > int64(keep) {
		var r *clientv3.GetResponse
		r, err = s.link.Client.Get(ctx, from, clientv3.WithRange(end), clientv3.WithKeysOnly(), clientv3.WithLimit(int64(keep)+1))
		if err == nil && len(r.Kvs) > keep {
			_, err = s.link.Client.Delete(ctx, string(r.Kvs[keep].Key), clientv3.WithRange(end))
		}
	}
	if err != nil {
		return s.link.Failed("trim notes", err)
	}
	return nil
}
