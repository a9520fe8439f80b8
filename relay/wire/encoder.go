package wire

import (
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Encoder encodes what several deltas have in common once: the same object, or the
// same list of members. Many may use it at once.
type Encoder struct {
	most int // bytes that are kept, of each of the two below

	mu       sync.Mutex
	now      map[any]*encoded
	previous map[any]*encoded // of which what is used again comes into now
	size     int              // of now
}

// encoded is an object as a field of a Delta.
type encoded struct {
	once  sync.Once
	bytes []byte
	err   error
	size  int // of bytes, once they are there; under the Encoder's mu
}

// NewEncoder returns one that keeps up to twice that many bytes of what it encoded
// last; 0 for nothing.
func NewEncoder(most int) *Encoder { return &Encoder{most: most, now: map[any]*encoded{}} }

// field returns an object as a field of a Delta. The key is nil for one that is not
// to be kept, else the same for the same object alone.
func (e *Encoder) field(number protowire.Number, key any, m func() proto.Message) ([]byte, error) {
	o := e.kept(key)
	o.once.Do(func() {
		var b []byte
		if b, o.err = proto.Marshal(m()); o.err == nil {
			o.bytes = protowire.AppendBytes(protowire.AppendTag(make([]byte, 0, len(b)+tagged), number, protowire.BytesType), b)
			e.weigh(key, o, len(o.bytes))
		}
	})
	return o.bytes, o.err
}

// kept returns the place of what is encoded, or is to be.
func (e *Encoder) kept(key any) *encoded {
	if key == nil || e.most == 0 {
		return &encoded{}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	o := e.now[key]
	if o == nil {
		if o = e.previous[key]; o == nil {
			o = &encoded{}
		}
		e.now[key] = o
		e.size += o.size
	}
	return o
}

// weigh counts what was encoded, and forgets what was not used for long.
func (e *Encoder) weigh(key any, o *encoded, size int) {
	if key == nil || e.most == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if o.size = size; e.now[key] != o {
		return
	}
	if e.size += size; e.size > e.most {
		e.previous, e.now, e.size = e.now, map[any]*encoded{}, 0
	}
}
