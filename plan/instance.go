package plan

import "github.com/ringfence/ringfence/secgroup"

// PutInstance makes an instance or replaces it.
func PutInstance(s *secgroup.Snapshot, req *Request, ref secgroup.InstanceRef, name string) (Result, error) {
	d := begin(s, req)
	if err := d.account(ref.Account); err != nil {
		return Result{}, err
	}
	old := s.Instance(ref)
	if err := d.req.Condition.check(tagOf(old)); err != nil {
		return Result{}, err
	}
	i := &secgroup.Instance{InstanceRef: ref, Name: name, CreatedAt: d.req.Now, UpdatedAt: d.req.Now}
	d.add("", i.Validate())
	if old != nil {
		i.CreatedAt = old.CreatedAt
	}
	if old == nil || old.Name != i.Name {
		d.put(i)
	}
	d.aboutTarget(ref.Account, Target{Instance: ref.ID})
	return d.finish(i.Key(), old == nil)
}

// DeleteInstance deletes an instance without NICs, and its attachments.
func DeleteInstance(s *secgroup.Snapshot, req *Request, ref secgroup.InstanceRef) (Result, error) {
	old := s.Instance(ref)
	d, err := beginChange(s, req, old)
	if err != nil {
		return Result{}, err
	}
	if nics := s.NICsOfInstance(ref); len(nics) > 0 {
		deps := make([]Dependent, len(nics))
		for i, n := range nics {
			deps[i] = Dependent{NIC: n.ID}
		}
		return Result{}, &Conflict{CodeInstanceInUse, "the instance has NICs", deps}
	}
	for _, a := range s.AttachmentsOfInstance(ref) {
		d.delete(secgroup.AttachmentKey(a))
	}
	d.delete(old.Key())
	return d.finish(old.Key(), false)
}
