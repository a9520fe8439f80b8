package record

import (
	"errors"
	"fmt"

	"github.com/ringfence/ringfence/secgroup"
)

type attachmentRecord struct {
	Header
	Holder string `json:"holder,omitempty"` // absent: the group's account
}

// EncodeObject returns the record of an object of the policy, and the level
// that its readers need. Its name and its own revision are not in it: those are
// etcd's key and ModRevision.
func EncodeObject(o secgroup.Object) (value string, needs Level, err error) {
	switch o := o.(type) {
	case *secgroup.Account:
		return encode(accountToRecord(o))
	case *secgroup.Network:
		return encode(networkToRecord(o))
	case *secgroup.Instance:
		return encode(instanceToRecord(o))
	case *secgroup.NIC:
		return encode(nicToRecord(o))
	case *secgroup.Group:
		return encode(groupToRecord(o))
	case *secgroup.Attachment:
		return encode(attachmentRecord{Current, o.Holder})
	case *secgroup.Baseline:
		return encode(baselineToRecord(o))
	}
	return "", 0, fmt.Errorf("object of unknown type %T", o)
}

func encode[T any, R record[T]](r T) (string, Level, error) {
	value, err := Marshal(r)
	return value, max(R(&r).Head().MinReader, LevelFirst), err
}

// DecodeObject is the inverse of EncodeObject, and returns what the record says
// besides. Rules whose revision was left 0 in the write at rev get that revision.
func DecodeObject(k secgroup.Key, rev int64, value []byte) (secgroup.Object, *Rest, error) {
	switch k.Kind {
	case secgroup.KindAccount:
		return decode(value, func(r *accountRecord) (secgroup.Object, error) { return r.account(k.ID, rev) })
	case secgroup.KindNetwork:
		return decode(value, func(r *networkRecord) (secgroup.Object, error) { return r.network(k.ID, rev) })
	case secgroup.KindInstance:
		return decode(value, func(r *instanceRecord) (secgroup.Object, error) {
			return r.instance(secgroup.InstanceRef{Account: k.Account, ID: k.ID}, rev), nil
		})
	case secgroup.KindNIC:
		return decode(value, func(r *nicRecord) (secgroup.Object, error) { return r.nic(k.ID, rev) })
	case secgroup.KindGroup:
		return decode(value, func(r *groupRecord) (secgroup.Object, error) {
			return r.group(secgroup.GroupRef{Account: k.Account, ID: k.ID}, rev)
		})
	case secgroup.KindAttachment:
		return decode(value, func(r *attachmentRecord) (secgroup.Object, error) {
			return &secgroup.Attachment{Group: secgroup.GroupRef{Account: k.Account, ID: k.ID}, Instance: k.Instance, NIC: k.NIC, Holder: r.Holder}, nil
		})
	case secgroup.KindBaseline:
		return decode(value, func(r *baselineRecord) (secgroup.Object, error) { return r.baseline(rev) })
	}
	return nil, nil, errors.New("key of unknown kind")
}

func decode[T any, R record[T]](value []byte, object func(*T) (secgroup.Object, error)) (secgroup.Object, *Rest, error) {
	r, more, err := readRecord[T, R](value)
	if err != nil {
		return nil, nil, err
	}
	o, err := object(&r)
	if err != nil {
		return nil, nil, err
	}
	return o, more, nil
}
