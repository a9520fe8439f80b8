package membership

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// View is what this process has seen of the members at one moment.
type View struct {
	Level    record.Level // 0: the store has none
	LevelRev int64        // etcd's revision that wrote it
	Members  []record.ClusterMember
	Pin      *Pin            // nil: there is none
	Seen     int64           // etcd's revision of all this; 0: nothing was read yet
	Changed  <-chan struct{} // closed when there is another view
}

// board is the sink that holds the members of the cluster, its level and its pin.
type board struct {
	keys   record.Layout
	health *link.Health
	pulse  link.Pulse
	warn   func(*record.Error)

	mu       sync.Mutex
	level    record.Level // 0: the store has none
	levelRev int64        // that wrote it
	pin      *Pin         // nil: there is none; what it points to does not change
	members  map[string]record.ClusterMember
	seats    map[string]record.ClusterMember // who reports, by host
	rivals   map[string]record.ClusterMember // who would like to, by host
	seen     int64                           // etcd revision of all this, 0 for nothing
	loaded   bool
}

func newBoard(l *link.Link) *board {
	b := &board{keys: l.Keys, health: link.NewHealth()}
	b.clear()
	b.warn = func(err *record.Error) { l.Config.Logger.Warn("member of the cluster ignored", "error", err) }
	return b
}

func startBoard(l *link.Link) *board {
	b := newBoard(l)
	l.Spawn(func() {
		f := &link.Feed{Config: l.Config, Route: l.Route, Prefix: l.Keys.Members(), Probe: l.Keys.Level(), Sink: b, Health: b.health}
		_ = f.Run(l.Ctx) // ends with the link only
	})
	return b
}

func (b *board) clear() {
	b.level, b.levelRev, b.pin, b.seen = 0, 0, nil, 0 // a restored store begins with lower revisions
	b.members, b.seats, b.rivals = map[string]record.ClusterMember{}, map[string]record.ClusterMember{}, map[string]record.ClusterMember{}
}

func (b *board) view() View {
	changed := b.pulse.Next() // first: whatever comes from here on is another view
	b.mu.Lock()
	defer b.mu.Unlock()
	v := View{Level: b.level, LevelRev: b.levelRev, Pin: b.pin, Seen: b.seen, Changed: changed}
	for _, key := range slices.Sorted(maps.Keys(b.members)) {
		m := b.members[key]
		if m.Kind == record.MemberHost {
			_, m.Seated = b.seats[m.ID]
			if rival, disputed := b.rivals[m.ID]; disputed {
				m.Rival = &rival
			}
		}
		v.Members = append(v.Members, m)
	}
	return v
}

func (b *board) isLoaded() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.loaded
}

func (b *board) Load(pages func(func(*mvccpb.KeyValue) error) error) error {
	b.mu.Lock()
	b.clear()
	err := pages(func(kv *mvccpb.KeyValue) error {
		b.read(kv)
		return nil
	})
	b.loaded = b.loaded || err == nil
	b.mu.Unlock()
	b.pulse.Beat()
	return err
}

func (b *board) Events(rev int64, events []*clientv3.Event) error {
	b.mu.Lock()
	for _, e := range events {
		if e.Type == clientv3.EventTypeDelete {
			e.Kv.Value = nil
		}
		b.read(e.Kv)
	}
	b.seen = max(b.seen, rev)
	b.mu.Unlock()
	b.pulse.Beat()
	return nil
}

// read puts one key in its place, or takes it away if it has no value. The caller
// holds mu; so for what it calls.
func (b *board) read(kv *mvccpb.KeyValue) {
	b.seen = max(b.seen, kv.ModRevision)
	name := strings.TrimPrefix(string(kv.Key), b.keys.Members())
	switch string(kv.Key) {
	case b.keys.Level():
		b.readLevel(kv)
		return
	case b.keys.Pin():
		b.readPin(kv)
		return
	}
	kind, rest, _ := strings.Cut(name, "/")
	id, part, _ := strings.Cut(rest, "/")
	into, of := b.members, record.MemberAPI
	if kind == "hosts" {
		of = record.MemberHost
		switch part {
		case "seat":
			into, name = b.seats, id
		case "rival":
			into, name = b.rivals, id
		}
	}
	if kv.Value == nil {
		delete(into, name)
		return
	}
	into[name] = b.readMember(kv).Member(of, id)
}

// readMember reads a record. Whatever one is that cannot be read, it does not
// understand more than the first versions.
func (b *board) readMember(kv *mvccpb.KeyValue) record.MemberRecord {
	var r record.MemberRecord
	if err := record.Unmarshal(kv.Value, &r); err != nil {
		b.warn(&record.Error{Key: string(kv.Key), Err: err})
		return record.MemberRecord{Reads: record.LevelFirst}
	}
	return r
}

func (b *board) readLevel(kv *mvccpb.KeyValue) {
	b.level, b.levelRev = 0, kv.ModRevision
	if kv.Value == nil {
		b.levelRev = 0
		return
	}
	var r record.ClusterRecord
	if err := record.Unmarshal(kv.Value, &r); err != nil {
		b.warn(&record.Error{Key: string(kv.Key), Err: err})
		b.level = record.LevelFirst
		return
	}
	b.level = r.Level
}

func (b *board) readPin(kv *mvccpb.KeyValue) {
	b.pin = nil
	if kv.Value == nil {
		return
	}
	m := b.readMember(kv).Member(record.MemberAPI, "")
	b.pin = &Pin{Level: m.Reads, By: m.Machine, Since: m.Since}
}

func (b *board) Forget()                      {}
func (b *board) Doubt()                       {}
func (b *board) Behind(*mvccpb.KeyValue) bool { return false }
