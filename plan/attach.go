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

// attachment ties a group to the account's target.
func (t Target) attachment(account string, g secgroup.GroupRef) secgroup.Attachment {
	a := secgroup.Attachment{Group: g, Instance: t.Instance, NIC: t.NIC}
	if g.Account != account {
		a.Holder = account
	}
	return a
}

// attachable refuses a group of another account for an instance.
func (d *draft) attachable(account string, t Target, g secgroup.GroupRef, at string) {
	if g.Account != account && t.NIC == "" {
		d.fault(at, secgroup.CodeInvalidValue, "a group of another account is attached to NICs, not to an instance")
	}
}

// GroupNames returns the names, to the account, of the groups attached to its
// target, sorted by account and id, and whether the target exists.
func (t Target) GroupNames(s *secgroup.Snapshot, account string) (names []string, exists bool) {
	var as []secgroup.Attachment
	if t.NIC != "" {
		n := s.NIC(t.NIC)
		if n == nil || n.Account != account {
			return nil, false
		}
		as = s.AttachmentsOfNIC(t.NIC)
	} else {
		r := secgroup.InstanceRef{Account: account, ID: t.Instance}
		if s.Instance(r) == nil {
			return nil, false
		}
		as = s.AttachmentsOfInstance(r)
	}
	names = make([]string, len(as))
	for i, a := range as {
		names[i] = a.Group.Within(account)
	}
	return names, true
}

// ListTag is the tag of an attachment list, from the sorted names of its groups.
func ListTag(names []string) string {
	h := fnv.New64a()
	for _, name := range names {
		h.Write([]byte(name))
		h.Write([]byte{0})
	}
	return strconv.FormatUint(h.Sum64(), 36)
}

// Attach attaches a group to a NIC or an instance: one of the account, or to a
// NIC also one that is shared with it. group is its name to the account.
func Attach(s *secgroup.Snapshot, req *Request, account string, t Target, group string) (Result, error) {
	return attach(s, req, account, t, group, true)
}

// Detach detaches a group from a NIC or an instance. It need not be attached.
func Detach(s *secgroup.Snapshot, req *Request, account string, t Target, group string) (Result, error) {
	return attach(s, req, account, t, group, false)
}

func attach(s *secgroup.Snapshot, req *Request, account string, t Target, group string, want bool) (Result, error) {
	d := begin(s, req)
	ref := secgroup.ParseGroupRef(account, group)
	names, ok := t.GroupNames(s, account)
	has := slices.Contains(names, ref.Within(account))
	if g := s.Group(ref); !ok || g == nil || !has && !g.Allows(account, secgroup.UseAttach) {
		return Result{}, ErrNotFound
	}
	if err := d.req.Condition.check(ListTag(names)); err != nil {
		return Result{}, err
	}
	if want {
		d.attachable(account, t, ref, "")
	}
	a := t.attachment(account, ref)
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
// given, by their names to the account. at is the list's place in the request.
func SetGroups(s *secgroup.Snapshot, req *Request, account string, t Target, at string, groups []string) (Result, error) {
	d := begin(s, req)
	names, ok := t.GroupNames(s, account)
	if !ok {
		return Result{}, ErrNotFound
	}
	if err := d.req.Condition.check(ListTag(names)); err != nil {
		return Result{}, err
	}
	given := map[string]bool{}
	for i, name := range groups {
		here := fmt.Sprintf("%s/%d", at, i)
		ref := secgroup.ParseGroupRef(account, name)
		name = ref.Within(account)
		has := slices.Contains(names, name)
		if g := s.Group(ref); g == nil || !has && !g.Allows(account, secgroup.UseAttach) {
			d.fault(here, secgroup.CodeInvalidValue, "there is no such group in the account, and none of that name is shared with it")
			continue
		}
		d.attachable(account, t, ref, here)
		if !has && !given[name] {
			a := t.attachment(account, ref)
			d.put(&a)
		}
		given[name] = true
	}
	for _, name := range names {
		if !given[name] {
			d.delete(secgroup.AttachmentKey(t.attachment(account, secgroup.ParseGroupRef(account, name))))
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
		d.static.AddNIC(t.NIC)
		return
	}
	for _, n := range d.s.NICsOfInstance(secgroup.InstanceRef{Account: account, ID: t.Instance}) {
		d.static.AddNIC(n.ID)
	}
}
