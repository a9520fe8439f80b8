package record

import (
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
