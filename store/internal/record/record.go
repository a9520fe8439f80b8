package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// recordVersion is the layout of a record's header, "v" in every record. It
// does not change when fields come: see contract.go.
const recordVersion = 1

// Header opens every record.
type Header struct {
	V int `json:"v"`
	// MinReader is the least level that reads the record rightly, absent for
	// LevelFirst. Whoever reads at a lower level must not act on the record.
	MinReader Level `json:"min_reader,omitempty"`
}

// Head is the record's header.
func (h *Header) Head() *Header { return h }

// need says that the record has something that readers below a level would
// pass over although it matters.
func (h *Header) need(l Level) { h.MinReader = max(h.MinReader, l) }

// headed is a record.
type headed interface{ Head() *Header }

// Current is the header of the records that this version writes.
var Current = Header{V: recordVersion}

// Error says that the value of a key cannot be read.
type Error struct {
	Key string
	Err error
}

func (e *Error) Error() string { return fmt.Sprintf("record %s: %v", e.Key, e.Err) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrNewerRecord is the cause of an Error on a record that a newer
// version of Ringfence wrote.
var ErrNewerRecord = errors.New("written by a newer version of ringfence")

// Marshal encodes a record, which begins with the current header.
func Marshal(record any) (string, error) {
	b, err := json.Marshal(record)
	return string(b), err
}

// Unmarshal decodes one record. Fields that this version does not know are
// passed over, since the record says that it may be read without them; a
// record that says otherwise is an ErrNewerRecord, and anything after the
// record is an error.
func Unmarshal(value []byte, record headed) error {
	if err := json.Unmarshal(value, record); err != nil {
		// Its header may tell more than the first thing that does not fit.
		var h Header
		if json.Unmarshal(value, &h) == nil {
			if e := h.check(); e != nil {
				return e
			}
		}
		return err
	}
	return record.Head().check()
}

func (h *Header) check() error {
	switch {
	case h.V > recordVersion:
		return fmt.Errorf("version %d: %w", h.V, ErrNewerRecord)
	case h.V != recordVersion:
		return fmt.Errorf("version %d is not one of ringfence", h.V)
	case h.MinReader > LevelNow:
		return fmt.Errorf("it needs a reader of level %d, this one has %d: %w", h.MinReader, LevelNow, ErrNewerRecord)
	}
	return nil
}

// Stamp is a time in a record: nanoseconds since 1970, 0 = the zero time.
type Stamp int64

// StampOf is the inverse of time.
func StampOf(t time.Time) Stamp {
	if t.IsZero() {
		return 0
	}
	return Stamp(t.UnixNano())
}

func (s Stamp) time() time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(s)).UTC()
}

// oneOf refuses a word that the domain does not have, naming the field.
func oneOf[T ~string](field string, v T, known ...T) error {
	if slices.Contains(known, v) {
		return nil
	}
	return fmt.Errorf("%s: unknown value %q", field, v)
}
