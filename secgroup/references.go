package secgroup

import "slices"

// instance names the instance of an instance attachment.
func (a Attachment) instance() InstanceRef { return InstanceRef{a.Group.Account, a.Instance} }

// HasAttachment reports whether the attachment was put, whether or not its
// group, instance or NIC exist.
func (s *Snapshot) HasAttachment(a Attachment) bool {
	g := s.groups[a.Group]
	if g == nil || (a.Instance == "") == (a.NIC == "") {
		return false
	}
	if a.NIC != "" {
		n := s.nics[a.NIC]
		return n != nil && slices.Contains(n.attached, g)
	}
	i := s.instances[a.instance()]
	return i != nil && slices.Contains(i.attached, g)
}

// AttachmentsOfGroup returns the group's attachments, those to NICs first, each
// sorted by id.
func (s *Snapshot) AttachmentsOfGroup(r GroupRef) []Attachment {
	g := s.groups[r]
	if g == nil {
		return nil
	}
	all := make([]Attachment, 0, g.nics.len()+g.instances.len())
	for n := range g.nics.all() {
		all = append(all, Attachment{Group: r, NIC: n.id})
	}
	for i := range g.instances.all() {
		all = append(all, Attachment{Group: r, Instance: i.ref.ID})
	}
	return all
}

// AttachmentsOfNIC returns the attachments of the NIC itself, sorted by group.
func (s *Snapshot) AttachmentsOfNIC(id string) []Attachment {
	n := s.nics[id]
	if n == nil {
		return nil
	}
	all := make([]Attachment, 0, len(n.attached))
	for _, g := range n.attached {
		all = append(all, Attachment{Group: g.ref, NIC: id})
	}
	return all
}

// AttachmentsOfInstance returns the instance's attachments, sorted by group.
func (s *Snapshot) AttachmentsOfInstance(r InstanceRef) []Attachment {
	i := s.instances[r]
	if i == nil {
		return nil
	}
	all := make([]Attachment, 0, len(i.attached))
	for _, g := range i.attached {
		all = append(all, Attachment{Group: g.ref, Instance: r.ID})
	}
	return all
}

// RulesReferencing returns the rules, enabled or not, whose remote group is r,
// sorted. They include the group's own.
func (s *Snapshot) RulesReferencing(r GroupRef) []RuleRef {
	g := s.groups[r]
	if g == nil {
		return nil
	}
	var all []RuleRef
	for by := range g.referencedBy.all() {
		for i := range by.object.Rules {
			if rule := &by.object.Rules[i]; rule.RemoteGroup == r {
				all = append(all, RuleRef{by.ref, rule.ID})
			}
		}
	}
	return all
}
