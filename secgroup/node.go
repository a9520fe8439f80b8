package secgroup

import "cmp"

// A node is a place in the graph of the policy: the object of that name, nil
// while it is absent, and its edges. Nodes are made by whatever names them, so
// events may come in any order: an attachment before its group, a NIC before
// its network. A node without object and edges is dropped.
//
//	account ─< nic >─ network        nic, instance >─< group   (attachments)
//	account ─< instance ─< nic       nic >─< group             (G(n) and its inverse)
//	account ─< group                 group >─< group           (rules that name it)
//	account >─< group                                          (shares)
//
// Edges are names: a node is never changed once its snapshot was handed out, and
// what it leads to is another one in the next snapshot.

type accountNode struct {
	owned
	object    *Account
	nics      tree[string, *NIC]
	instances tree[string, *instanceNode]
	groups    tree[string, *groupNode]
	byName    tree[string, string]   // ids of groups, by nameKey
	shared    tree[string, GroupRef] // of others, that this account may use, by their key
	defaults  []string               // ids of groups with IsDefault, sorted; the invariant is one
	implicit  tree[string, struct{}] // NICs that no attached group judges
}

type networkNode struct {
	owned
	object *Network
	nics   tree[string, *NIC]
}

type instanceNode struct {
	owned
	object   *Instance
	nics     []*NIC // sorted by id
	attached []GroupRef
	closed   int // how many of them by a closed attachment
}

type groupNode struct {
	owned
	object       *Group
	nics         tree[string, struct{}] // attached
	instances    tree[string, struct{}] // attached, of the group's account
	members      tree[string, *NIC]     // judged: {n : g ∈ G(n)}
	referencedBy tree[string, GroupRef] // groups with a rule that names this one, by their key
}

// nicNode has what was put (object, attached), and what is derived of it at the
// end of a change.
type nicNode struct {
	owned
	object   *NIC
	attached []GroupRef
	closed   int // how many of them by a closed attachment

	effective []GroupRef // G(n), sorted
	explicit  bool       // an attached group is among them
}

// owned is a part of every node: the edit that made it.
type owned struct{ by *edit }

func (o *owned) owner() **edit { return &o.by }

// own returns the node at k as one that the edit may change, made if need be, and
// whether it was not before.
func own[N any, P interface {
	*N
	owner() **edit
}](e *edit, t *tree[string, P], k string) (node P, first bool) {
	was := t.get(k)
	if was != nil && *was.owner() == e {
		return was, false
	}
	node = new(N)
	if was != nil {
		*node = *was
	}
	*node.owner() = e
	t.set(e, k, node)
	return node, true
}

// key is the reference as a key of a tree, in the order of Compare.
func (r GroupRef) key() string { return r.Account + "\x00" + r.ID }

// nameKey sorts an account's groups by name, then id. No name has a zero byte.
func nameKey(name, id string) string { return name + "\x00" + id }

func compareNICs(a, b *NIC) int { return cmp.Compare(a.ID, b.ID) }

// group returns the node of a group, nil if there is none.
func (s *Snapshot) group(r GroupRef) *groupNode {
	if a := s.accounts.get(r.Account); a != nil {
		return a.groups.get(r.ID)
	}
	return nil
}

// instance returns the node of an instance, nil if there is none.
func (s *Snapshot) instance(r InstanceRef) *instanceNode {
	if a := s.accounts.get(r.Account); a != nil {
		return a.instances.get(r.ID)
	}
	return nil
}
