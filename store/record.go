package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// recordVersion is written into every record. A record with a higher one was
// made by a newer Ringfence and is refused: it may mean something that this
// one would silently ignore.
const recordVersion = 1

// recordHeader opens every record.
type recordHeader struct {
	V int `json:"v"`
}

func (h recordHeader) version() int { return h.V }

// current is the header of the records that this version writes.
var current = recordHeader{V: recordVersion}

// RecordError says that the value of a key cannot be read.
type RecordError struct {
	Key string
	Err error
}

func (e *RecordError) Error() string { return fmt.Sprintf("record %s: %v", e.Key, e.Err) }

// Unwrap returns the cause.
func (e *RecordError) Unwrap() error { return e.Err }

// ErrNewerRecord is the cause of a RecordError on a record that a newer
// version of Ringfence wrote.
var ErrNewerRecord = errors.New("written by a newer version of ringfence")

// marshal encodes a record, which begins with the current header.
func marshal(record any) (string, error) {
	b, err := json.Marshal(record)
	return string(b), err
}

// unmarshal decodes one record, strictly: a field it does not know, a version
// it does not know and anything after the record are errors.
func unmarshal(value []byte, record interface{ version() int }) error {
	if err := peekVersion(value); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(value))
	d.DisallowUnknownFields()
	if err := d.Decode(record); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("data after the record")
	}
	return checkVersion(record.version())
}

func checkVersion(v int) error {
	switch {
	case v > recordVersion:
		return fmt.Errorf("version %d: %w", v, ErrNewerRecord)
	case v != recordVersion:
		return fmt.Errorf("version %d is not one of ringfence", v)
	}
	return nil
}

// peekVersion looks at the version alone, so that a newer record is named as
// such and not as one with unknown fields. Records that this version wrote
// are told by their first bytes.
func peekVersion(value []byte) error {
	for _, own := range []string{`{"v":1,`, `{"v":1}`} {
		if bytes.HasPrefix(value, []byte(own)) {
			return nil
		}
	}
	var h recordHeader
	if err := json.Unmarshal(value, &h); err != nil {
		return err
	}
	return checkVersion(h.V)
}

// stamp is a time in a record: nanoseconds since 1970, 0 = the zero time.
type stamp int64

func stampOf(t time.Time) stamp {
	if t.IsZero() {
		return 0
	}
	return stamp(t.UnixNano())
}

func (s stamp) time() time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(s)).UTC()
}

// oneOf refuses a word that the domain does not have, naming the field.
func oneOf[T ~string](field string, v T, known ...T) error {
	for _, k := range known {
		if v == k {
			return nil
		}
	}
	return fmt.Errorf("%s: unknown value %q", field, v)
}
