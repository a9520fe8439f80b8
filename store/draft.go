package store

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/record"
)

// draft is a planned write: the transaction and what finds it again.
type draft struct {
	txn   txn
	rev   int64  // the policy's, of the snapshot it was planned on
	head  Write  // the latest mutation in that snapshot
	from  epoch  // of which the snapshot was
	mark  string // value that it gives to the head, like no other
	fence guard  // one of its guards, which it writes too
	notes []NoteWrite
	once  []guard // of the notes that may be written once
	needs Level   // of those who read its records
}

// written is the draft as a write, made at a revision.
func (d *draft) written(rev int64) Write {
	return record.WriteOf(&mvccpb.KeyValue{ModRevision: rev, Value: []byte(d.mark)})
}

// restOn says in which history the draft was planned, and that it may not be
// made in a store that is not as far.
func (d *draft) restOn(l record.Layout, from epoch, head Write) {
	d.from, d.head = from, head
	if head.Revision > 0 {
		d.txn.first = append(d.txn.first, guard{l.Head(), reached, head.Revision})
	}
}

// isSmall reports whether a transaction has no more than half of the bytes that etcd takes, and
// no more operations than it takes without nesting.
func (d *draft) isSmall(ops, bytes int) bool {
	size := 0
	for _, op := range d.txn.ops {
		size += len(op.KeyBytes()) + len(op.ValueBytes())
	}
	for _, n := range d.notes {
		size += len(n.Name) + len(n.Value)
	}
	return len(d.txn.guards()) <= ops && len(d.txn.ops)+len(d.notes) <= ops && size <= bytes/2
}

// newDraft turns changes into a transaction. before is the policy that they are of;
// what is not in it is not deleted.
func newDraft(l record.Layout, before *secgroup.Snapshot, changes []secgroup.Change, rests map[secgroup.Key]*record.Rest, notes []NoteWrite) (*draft, error) {
	d := &draft{rev: before.Revision()}
	deps := dependenciesOf(l, before, changes)
	if len(changes) == 0 {
		deps.serial[l.NotesGuard()] = struct{}{}
	}
	d.addNotes(l, notes)
	if err := d.objects(l, before, changes, rests, deps); err != nil {
		return nil, err
	}
	if err := d.claims(l, before, changes); err != nil {
		return nil, err
	}
	for _, key := range sortedKeys(deps.serial, deps.users, deps.ended) {
		d.txn.must = append(d.txn.must, guard{key, unmoved, d.rev})
	}
	for _, key := range sortedKeys(deps.serial, deps.marked) {
		d.txn.ops = append(d.txn.ops, clientv3.OpPut(key, ""))
	}
	for _, key := range sortedKeys(deps.ended) {
		d.txn.ops = append(d.txn.ops, clientv3.OpDelete(key))
	}
	d.fence = guard{sortedKeys(deps.serial)[0], unmoved, d.rev}
	var err error
	if d.mark, err = record.NewMark(); err != nil {
		return nil, err
	}
	d.txn.ops = append(d.txn.ops, clientv3.OpPut(l.Head(), d.mark, clientv3.WithPrevKV()))
	if d.rev == 0 { // nobody has written this store: all APIs of it are known
		value, err := record.Marshal(record.ClusterRecord{Header: record.Current, Level: LevelFirst})
		if err != nil {
			return nil, err
		}
		d.txn.ops = append(d.txn.ops, clientv3.OpTxn([]clientv3.Cmp{clientv3.Compare(clientv3.CreateRevision(l.Level()), "=", 0)},
			[]clientv3.Op{clientv3.OpPut(l.Level(), value)}, nil))
	}
	return d, nil
}

// objects adds the changed objects, with what their records say besides, and the guards on them and on those needed.
func (d *draft) objects(l record.Layout, before *secgroup.Snapshot, changes []secgroup.Change, rests map[secgroup.Key]*record.Rest, deps dependencies) error {
	changed := map[secgroup.Key]struct{}{}
	for _, c := range changes {
		if _, twice := changed[c.Key]; twice {
			return fmt.Errorf("two changes of %v %+v", c.Key.Kind, c.Key)
		}
		changed[c.Key] = struct{}{}
		key, err := l.Object(c.Key)
		if err != nil {
			return err
		}
		if _, needed := deps.needed[c.Key]; !needed {
			d.txn.also = append(d.txn.also, guardOf(key, before.Get(c.Key)))
		}
		if c.Object == nil {
			d.txn.ops = append(d.txn.ops, clientv3.OpDelete(key))
			continue
		}
		if c.Object.Key() != c.Key {
			return fmt.Errorf("change of %+v puts %+v", c.Key, c.Object.Key())
		}
		value, needs, err := record.EncodeObject(c.Object)
		if more := rests[c.Key]; more != nil && err == nil {
			value, err = more.Into(value) // no news to those who cannot read it
		}
		if err != nil {
			return fmt.Errorf("%v %+v: %w", c.Key.Kind, c.Key, err)
		}
		d.needs = max(d.needs, needs)
		d.txn.ops = append(d.txn.ops, clientv3.OpPut(key, value))
	}
	for k := range deps.needed {
		key, err := l.Object(k)
		if err != nil {
			return err
		}
		d.txn.must = append(d.txn.must, guardOf(key, before.Get(k)))
	}
	slices.SortFunc(d.txn.must, func(a, b guard) int { return cmp.Compare(a.key, b.key) })
	return nil
}

// guardOf holds while the object at key is the one given.
func guardOf(key string, o secgroup.Object) guard {
	if _, ok := o.(*secgroup.Attachment); ok {
		return guard{key: key, want: present}
	}
	return guard{key, exactly, secgroup.RevisionOf(o)}
}

// claims adds what happens to addresses.
func (d *draft) claims(l record.Layout, before *secgroup.Snapshot, changes []secgroup.Change) error {
	moves, err := claimMovesOf(before, changes)
	if err != nil {
		return err
	}
	var guards []guard
	puts, deletes := map[string]string{}, map[string]struct{}{}
	for c, nic := range moves.fresh {
		guards = append(guards, guard{key: l.Address(c.domain, c.address), want: exactly})
		puts[l.Address(c.domain, c.address)] = nic
	}
	for c, nic := range moves.passed {
		puts[l.Address(c.domain, c.address)] = nic
	}
	for c := range moves.freed {
		deletes[l.Address(c.domain, c.address)] = struct{}{}
	}
	slices.SortFunc(guards, func(a, b guard) int { return cmp.Compare(a.key, b.key) })
	d.txn.must = append(d.txn.must, guards...)
	for _, key := range slices.Sorted(maps.Keys(puts)) {
		d.txn.ops = append(d.txn.ops, clientv3.OpPut(key, puts[key]))
	}
	for _, key := range sortedKeys(deletes) {
		d.txn.ops = append(d.txn.ops, clientv3.OpDelete(key))
	}
	return nil
}
