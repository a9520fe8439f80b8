package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"github.com/ringfence/ringfence/secgroup"
)

// Reader reads the records of objects, one after the other. What it takes to decode one is
// used again for the next, and what many of them say is held once: words are, as ids and
// kinds, for as long as there is the Reader. The zero Reader has read nothing. It is for
// one goroutine.
type Reader struct {
	value  bytes.Reader  // what strict reads
	strict *json.Decoder // nil: to be made; the records are its stream
	words  map[string]string
}

// DecodeObject is Reader.Object for a single record.
func DecodeObject(k secgroup.Key, rev int64, value []byte) (secgroup.Object, *Rest, error) {
	return new(Reader).Object(k, rev, value)
}

// Object is the inverse of EncodeObject, and returns what the record says besides. Rules
// whose revision was left 0 in the write at rev get that revision.
func (r *Reader) Object(k secgroup.Key, rev int64, value []byte) (secgroup.Object, *Rest, error) {
	k = r.Key(k)
	switch k.Kind {
	case secgroup.KindAccount:
		return decode(r, value, func(rec *accountRecord) (secgroup.Object, error) { return rec.account(k.ID, rev) })
	case secgroup.KindNetwork:
		return decode(r, value, func(rec *networkRecord) (secgroup.Object, error) { return rec.network(k.ID, rev) })
	case secgroup.KindInstance:
		return decode(r, value, func(rec *instanceRecord) (secgroup.Object, error) {
			return rec.instance(secgroup.InstanceRef{Account: k.Account, ID: k.ID}, rev), nil
		})
	case secgroup.KindNIC:
		return decode(r, value, func(rec *nicRecord) (secgroup.Object, error) {
			once(r, &rec.Account, &rec.Instance, &rec.Network)
			once(r, &rec.Enforcement)
			return rec.nic(k.ID, rev)
		})
	case secgroup.KindGroup:
		return decode(r, value, func(rec *groupRecord) (secgroup.Object, error) {
			for i := range rec.Rules {
				rule := &rec.Rules[i]
				once(r, &rule.ID, &rule.RemoteAccount, &rule.RemoteGroup)
				once(r, &rule.Direction)
				once(r, &rule.Family)
				once(r, &rule.Protocol)
				once(r, &rule.Origin)
			}
			return rec.group(secgroup.GroupRef{Account: k.Account, ID: k.ID}, rev)
		})
	case secgroup.KindAttachment:
		return decode(r, value, func(rec *attachmentRecord) (secgroup.Object, error) {
			once(r, &rec.Holder)
			return &secgroup.Attachment{Group: secgroup.GroupRef{Account: k.Account, ID: k.ID}, Instance: k.Instance, NIC: k.NIC, Holder: rec.Holder}, nil
		})
	case secgroup.KindBaseline:
		return decode(r, value, func(rec *baselineRecord) (secgroup.Object, error) { return rec.baseline(rev) })
	}
	return nil, nil, errors.New("key of unknown kind")
}

// Key is a key whose words are held once: those of one that was parsed are parts of the
// key in etcd, which is long, and would be held as long as they are.
func (r *Reader) Key(k secgroup.Key) secgroup.Key {
	once(r, &k.Account, &k.ID, &k.Instance, &k.NIC)
	return k
}

// once has words be those that the reader has, if it does.
func once[T ~string](r *Reader, words ...*T) {
	if r.words == nil {
		r.words = map[string]string{}
	}
	for _, w := range words {
		if *w == "" {
			continue
		}
		known, had := r.words[string(*w)]
		if !had {
			known = strings.Clone(string(*w))
			r.words[known] = known
		}
		*w = T(known)
	}
}

// record is a pointer to a T, which is a record.
type record[T any] interface {
	*T
	headed
}

func decode[T any, R record[T]](r *Reader, value []byte, object func(*T) (secgroup.Object, error)) (secgroup.Object, *Rest, error) {
	var rec T
	more, err := read(r, value, R(&rec))
	if err != nil {
		return nil, nil, err
	}
	o, err := object(&rec)
	if err != nil {
		return nil, nil, err
	}
	return o, more, nil
}

// read decodes a record, and returns what it says besides (nil: nothing, which costs no
// second look).
func read[T any, R record[T]](r *Reader, value []byte, rec R) (*Rest, error) {
	if r.readStrictly(value, rec) {
		return nil, rec.Head().check()
	}
	*rec = *new(T) // a decoder leaves half of what it did
	if err := Unmarshal(value, rec); err != nil {
		return nil, err
	}
	return restOf(value, rec)
}

// readStrictly decodes a record that has nothing but fields of rec, and tells whether it is
// one.
func (r *Reader) readStrictly(value []byte, rec any) bool {
	if r.strict == nil {
		r.strict = json.NewDecoder(&r.value)
		r.strict.DisallowUnknownFields()
	}
	value = bytes.TrimSpace(value)
	r.value.Reset(value)
	begin := r.strict.InputOffset()
	if err := r.strict.Decode(rec); err != nil || r.strict.InputOffset()-begin != int64(len(value)) {
		r.strict = nil // what is left in it is not of the next record
		return false
	}
	return true
}
