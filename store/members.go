package store

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

// memberBoard is the sink that holds the members of the cluster and its level.
type memberBoard struct {
	keys   record.Layout
	health *link.Health
	pulse  link.Pulse
	warn   func(*RecordError)

	mu       sync.Mutex
	level    Level // 0: the store has none
	pin      *Pin  // nil: there is none; what it points to does not change
	levelRev int64 // that wrote it
	members  map[string]ClusterMember
	seats    map[string]ClusterMember // who reports, by host
	rivals   map[string]ClusterMember // who would like to, by host
	seen     int64                    // etcd revision of all this, 0 for nothing
	loaded   bool
}

func (s *Store) startMembers() *memberBoard {
	b := &memberBoard{keys: s.link.Keys, health: link.NewHealth()}
	b.clear()
	b.warn = func(err *RecordError) { s.link.Config.Logger.Warn("member of the cluster ignored", "error", err) }
	s.link.Spawn(func() {
		f := &link.Feed{Config: s.link.Config, Route: s.link.Route, Prefix: s.link.Keys.Members(), Probe: s.link.Keys.Level(), Sink: b, Health: b.health}
		_ = f.Run(s.link.Ctx) // ends with the store only
	})
	return b
}

func (b *memberBoard) clear() {
	b.level, b.levelRev, b.pin = 0, 0, nil
	b.members, b.seats, b.rivals = map[string]ClusterMember{}, map[string]ClusterMember{}, map[string]ClusterMember{}
}

// state returns the level, the revision that wrote it, and the members.
func (b *memberBoard) state() (level Level, rev int64, members []ClusterMember, changed <-chan struct{}) {
	changed = b.pulse.Next()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(b.members)) {
		m := b.members[key]
		if m.Kind == MemberHost {
			_, m.Seated = b.seats[m.ID]
			if rival, disputed := b.rivals[m.ID]; disputed {
				m.Rival = &rival
			}
		}
		members = append(members, m)
	}
	return b.level, b.levelRev, members, changed
}

// revision is the etcd revision that the board shows, 0 before the first load.
func (b *memberBoard) revision() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen
}

func (b *memberBoard) Load(pages func(func(*mvccpb.KeyValue) error) error) error {
	b.mu.Lock()
	b.clear()
	err := pages(func(kv *mvccpb.KeyValue) error {
		b.take(kv)
		return nil
	})
	b.loaded = b.loaded || err == nil
	b.mu.Unlock()
	b.pulse.Beat()
	return err
}

func (b *memberBoard) isLoaded() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.loaded
}

func (b *memberBoard) Events(rev int64, events []*clientv3.Event) error {
	b.mu.Lock()
	for _, e := range events {
		if e.Type == clientv3.EventTypeDelete {
			e.Kv.Value = nil
		}
		b.take(e.Kv)
	}
	b.seen = max(b.seen, rev)
	b.mu.Unlock()
	b.pulse.Beat()
	return nil
}

// take puts one key in its place, or takes it away if it has no value.
func (b *memberBoard) take(kv *mvccpb.KeyValue) {
	b.seen = max(b.seen, kv.ModRevision)
	name := strings.TrimPrefix(string(kv.Key), b.keys.Members())
	switch string(kv.Key) {
	case b.keys.Level():
		b.takeLevel(kv)
		return
	case b.keys.Pin():
		b.takePin(kv)
		return
	}
	kind, rest, _ := strings.Cut(name, "/")
	id, part, _ := strings.Cut(rest, "/")
	into, of := b.members, MemberAPI
	if kind == "hosts" {
		of = MemberHost
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
	var r record.MemberRecord
	if err := record.Unmarshal(kv.Value, &r); err != nil {
		// Whatever it is, it does not understand more than the first versions.
		b.warn(&RecordError{Key: string(kv.Key), Err: err})
		r = record.MemberRecord{Reads: LevelFirst}
	}
	into[name] = r.Member(of, id)
}

func (b *memberBoard) takeLevel(kv *mvccpb.KeyValue) {
	b.level, b.levelRev = 0, kv.ModRevision
	if kv.Value == nil {
		b.levelRev = 0
		return
	}
	var r record.ClusterRecord
	if err := record.Unmarshal(kv.Value, &r); err != nil {
		b.warn(&RecordError{Key: string(kv.Key), Err: err})
		b.level = LevelFirst
		return
	}
	b.level = r.Level
}

func (b *memberBoard) Forget()                      {}
func (b *memberBoard) Doubt()                       {}
func (b *memberBoard) Behind(*mvccpb.KeyValue) bool { return false }
