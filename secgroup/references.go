package secgroup

import "slices"

// instance names the instance of an instance attachment.
func (a Attachment) instance() InstanceRef { return InstanceRef{a.Group.Account, a.Instance} }

// HasAttachment reports whether the attachment was put, whether or not its
// group, instance or NIC exist.
func (s *Snapshot) HasAttachment(a Attachment) bool {
	switch {
	case (a.Instance == "") == (a.NIC == ""):
		return false
	case a.NIC != "":
		n := s.nics.get(a.NIC)
		return n != nil && slices.Contains(n.attached, a.Group)
	}
	i := s.instance(a.instance())
	return i != nil && slices.Contains(i.attached, a.Group)
}

// AttachmentsOfGroup returns the group's attachments, those to NICs first, each
// sorted by id.
func (s *Snapshot) AttachmentsOfGroup(r GroupRef) []Attachment {
	if g := s.group(r); g != nil {
		return g.attachments(r)
	}
	return nil
}

func (g *groupNode) attachments(r GroupRef) []Attachment {
	all := make([]Attachment, 0, g.nics.len()+g.instances.len())
	for id := range g.nics.all() {
		all = append(all, Attachment{Group: r, NIC: id})
	}
	for id := range g.instances.all() {
		all = append(all, Attachment{Group: r, Instance: id})
	}
	return all
}

// AttachmentsOfNIC returns the attachments of the NIC itself, sorted by group.
func (s *Snapshot) AttachmentsOfNIC(id string) []Attachment {
	n := s.nics.get(id)
	if n == nil {
		return nil
	}
	all := make([]Attachment, 0, len(n.attached))
	for _, g := range n.attached {
		all = append(all, Attachment{Group: g, NIC: id})
	}
	return all
}

// AttachmentsOfInstance returns the instance's attachments, sorted by group.
func (s *Snapshot) AttachmentsOfInstance(r InstanceRef) []Attachment {
	i := s.instance(r)
	if i == nil {
		return nil
	}
	all := make([]Attachment, 0, len(i.attached))
	for _, g := range i.attached {
		all = append(all, Attachment{Group: g, Instance: r.ID})
	}
	return all
}

// RulesReferencing returns the rules, enabled or not, whose remote group is r,
// sorted. They include the group's own.
func (s *Snapshot) RulesReferencing(r GroupRef) []RuleRef {
	g := s.group(r)
	if g == nil {
		return nil
	}
	var all []RuleRef
	for _, by := range g.referencedBy.all() {
		rules := s.Group(by).Rules
		for i := range rules {
			if rules[i].RemoteGroup == r {
				all = append(all, RuleRef{by, rules[i].ID})
			}
		}
	}
	return all
}
