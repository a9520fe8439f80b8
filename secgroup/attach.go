package secgroup

import (
	"maps"
)

func (b *batch) putAttachment(a Attachment) {
	if (a.Instance == "") == (a.NIC == "") {
		return
	}
	if !b.next.HasAttachment(a) {
		b.attach(a, with, func(t *tree[string, struct{}], id string) { t.set(b.edit, id, struct{}{}) })
	}
	b.close(a)
}

func (b *batch) removeAttachment(a Attachment) {
	if b.next.HasAttachment(a) {
		b.close(Attachment{Group: a.Group, Instance: a.Instance, NIC: a.NIC})
		b.attach(a, without, func(t *tree[string, struct{}], id string) { t.remove(b.edit, id) })
	}
}

// attach changes the two ends of an attachment.
func (b *batch) attach(a Attachment, groups func([]GroupRef, GroupRef, func(a, b GroupRef) int) []GroupRef, ends func(t *tree[string, struct{}], id string)) {
	g := b.ownGroup(a.Group)
	if a.NIC != "" {
		ends(&g.nics, a.NIC)
		n := b.nic(a.NIC)
		n.attached = groups(n.attached, a.Group, GroupRef.Compare)
		b.mark(a.NIC)
		return
	}
	ends(&g.instances, a.Instance)
	i := b.ownInstance(a.instance())
	i.attached = groups(i.attached, a.Group, GroupRef.Compare)
	b.markAll(i.nics)
}

// close notes whether an attachment that is there is closed.
func (b *batch) close(a Attachment) {
	name := Attachment{Group: a.Group, Instance: a.Instance, NIC: a.NIC}
	_, was := b.next.closed[name]
	if was == a.Closed {
		return
	}
	b.next.closed = maps.Clone(b.next.closed) // few are
	more := 1
	if a.Closed {
		touch(&b.next.closed, name)
	} else {
		delete(b.next.closed, name)
		more = -1
	}
	if a.NIC != "" {
		b.nic(a.NIC).closed += more
		b.mark(a.NIC)
		return
	}
	i := b.ownInstance(a.instance())
	i.closed += more
	b.markAll(i.nics)
}
