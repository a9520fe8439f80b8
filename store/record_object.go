package store

import (
	"errors"
	"fmt"

	"github.com/ringfence/ringfence/secgroup"
)

type attachmentRecord struct {
	recordHeader
	Holder string `json:"holder,omitempty"` // absent: the group's account
}

// encodeObject returns the record of an object of the policy. Its name and its
// own revision are not in it: those are etcd's key and ModRevision.
func encodeObject(o secgroup.Object) (string, error) {
	switch o := o.(type) {
	case *secgroup.Account:
		return marshal(accountToRecord(o))
	case *secgroup.Network:
		return marshal(networkToRecord(o))
	case *secgroup.Instance:
		return marshal(instanceToRecord(o))
	case *secgroup.NIC:
		return marshal(nicToRecord(o))
	case *secgroup.Group:
		return marshal(groupToRecord(o))
	case *secgroup.Attachment:
		return marshal(attachmentRecord{current, o.Holder})
	case *secgroup.Baseline:
		return marshal(baselineToRecord(o))
	}
	return "", fmt.Errorf("object of unknown type %T", o)
}

// decodeObject is the inverse of encodeObject. Rules whose revision was left 0
// in the write at rev get that revision.
func decodeObject(k secgroup.Key, rev int64, value []byte) (secgroup.Object, error) {
	switch k.Kind {
	case secgroup.KindAccount:
		var r accountRecord
		if err := unmarshal(value, &r); err != nil {
			return nil, err
		}
		return r.account(k.ID, rev)
	case secgroup.KindNetwork:
		var r networkRecord
		if err := unmarshal(value, &r); err != nil {
			return nil, err
		}
		return r.network(k.ID, rev)
	case secgroup.KindInstance:
		var r instanceRecord
		if err := unmarshal(value, &r); err != nil {
			return nil, err
		}
		return r.instance(secgroup.InstanceRef{Account: k.Account, ID: k.ID}, rev), nil
	case secgroup.KindNIC:
		var r nicRecord
		if err := unmarshal(value, &r); err != nil {
			return nil, err
		}
		return r.nic(k.ID, rev)
	case secgroup.KindGroup:
		var r groupRecord
		if err := unmarshal(value, &r); err != nil {
			return nil, err
		}
		return r.group(secgroup.GroupRef{Account: k.Account, ID: k.ID}, rev)
	case secgroup.KindAttachment:
		var r attachmentRecord
		if err := unmarshal(value, &r); err != nil {
			return nil, err
		}
		return &secgroup.Attachment{Group: secgroup.GroupRef{Account: k.Account, ID: k.ID}, Instance: k.Instance, NIC: k.NIC, Holder: r.Holder}, nil
	case secgroup.KindBaseline:
		var r baselineRecord
		if err := unmarshal(value, &r); err != nil {
			return nil, err
		}
		return r.baseline(rev)
	}
	return nil, errors.New("key of unknown kind")
}

// revisionOf returns the revision that last changed a stored object. An
// attachment has none: it is there or not.
func revisionOf(o secgroup.Object) int64 {
	switch o := o.(type) {
	case *secgroup.Account:
		return o.Revision
	case *secgroup.Network:
		return o.Revision
	case *secgroup.Instance:
		return o.Revision
	case *secgroup.NIC:
		return o.Revision
	case *secgroup.Group:
		return o.Revision
	case *secgroup.Baseline:
		return o.Revision
	}
	return 0
}
