package plan

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"

	"github.com/ringfence/ringfence/secgroup"
)

// Target is what a group is attached to: exactly one of the two is set.
type Target struct{ Instance, NIC string }

// attachment ties a group to the target.
func (t Target) attachment(g secgroup.GroupRef) secgroup.Attachment {
	return secgroup.Attachment{Group: g, Instance: t.Instance, NIC: t.NIC}
}

// GroupIDs returns the ids of the groups attached to the account's target,
// sorted, and whether the target exists.
func (t Target) GroupIDs(v *View, account string) (ids []string, exists bool) {
	var as []secgroup.Attachment
	if t.NIC != "" {
		n := v.NIC(t.NIC)
		if n == nil || n.Account != account {
			return nil, false
		}
		as = v.AttachmentsOfNIC(t.NIC)
	} else {
		r := secgroup.InstanceRef{Account: account, ID: t.Instance}
		if v.Instance(r) == nil {
			return nil, false
		}
		as = v.AttachmentsOfInstance(r)
	}
	ids = make([]string, len(as))
	for i, a := range as {
		ids[i] = a.Group.ID
	}
	return ids, true
}

// ListTag is the tag of an attachment list, from the sorted ids of its groups.
func ListTag(ids []string) string {
	h := fnv.New64a()
	for _, id := range ids {
		h.Write([]byte(id))
		h.Write([]byte{0})
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

// Attach attaches a group of the account to a NIC or an instance.
func Attach(s Policy, req *Request, account string, t Target, group string) (Result, error) {
	return attach(s, req, account, t, group, true)
}

// Detach detaches a group from a NIC or an instance. It need not be attached.
func Detach(s Policy, req *Request, account string, t Target, group string) (Result, error) {
	return attach(s, req, account, t, group, false)
}

func attach(s Policy, req *Request, account string, t Target, group string, want bool) (Result, error) {
	d := begin(s, req)
	ref := secgroup.GroupRef{Account: account, ID: group}
	ids, ok := t.GroupIDs(viewOf(s), account)
	if !ok || s.Group(ref) == nil {
		return Result{}, ErrNotFound
	}
	if err := d.Condition.check(ListTag(ids)); err != nil {
		return Result{}, err
	}
	a := t.attachment(ref)
	has := s.HasAttachment(a)
	switch {
	case want && !has:
		d.put(&a)
	case !want && has:
		d.delete(a.Key())
	}
	d.aboutTarget(account, t)
	return d.finish(a.Key(), want && !has)
}

// SetGroups makes the groups attached to a NIC or an instance exactly those
// given. at is the list's place in the request.
func SetGroups(s Policy, req *Request, account string, t Target, at string, groups []string) (Result, error) {
	d := begin(s, req)
	ids, ok := t.GroupIDs(viewOf(s), account)
	if !ok {
		return Result{}, ErrNotFound
	}
	if err := d.Condition.check(ListTag(ids)); err != nil {
		return Result{}, err
	}
	for i, id := range groups {
		ref := secgroup.GroupRef{Account: account, ID: id}
		if s.Group(ref) == nil {
			d.fault(fmt.Sprintf("%s/%d", at, i), secgroup.CodeInvalidValue, "there is no such group in the account")
			continue
		}
		if !slices.Contains(ids, id) && !slices.Contains(groups[:i], id) {
			a := t.attachment(ref)
			d.put(&a)
		}
	}
	for _, id := range ids {
		if !slices.Contains(groups, id) {
			d.delete(secgroup.AttachmentKey(t.attachment(secgroup.GroupRef{Account: account, ID: id})))
		}
	}
	d.aboutTarget(account, t)
	return d.finish(t.key(account), false)
}

func (t Target) key(account string) secgroup.Key {
	if t.NIC != "" {
		return secgroup.NICKey(t.NIC)
	}
	return secgroup.InstanceKey(secgroup.InstanceRef{Account: account, ID: t.Instance})
}

func (d *draft) aboutTarget(account string, t Target) {
	if t.NIC != "" {
		d.static.nic(t.NIC)
		return
	}
	for _, n := range d.s.NICsOfInstance(secgroup.InstanceRef{Account: account, ID: t.Instance}) {
		d.static.nic(n.ID)
	}
}
