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

type accountNode struct {
	id        string
	object    *Account
	nics      ordered[*nicNode]
	instances ordered[*instanceNode] // with an object
	groups    ordered[*groupNode]    // with an object
	byName    ordered[*Group]
	shared    ordered[*groupNode] // of others, that this account may use
	defaults  []*groupNode        // groups with IsDefault; the invariant is one
	implicit  ordered[*nicNode]   // NICs that no attached group judges
}

type networkNode struct {
	id     string
	object *Network
	nics   ordered[*nicNode]
}

type instanceNode struct {
	ref      InstanceRef
	object   *Instance
	nics     []*nicNode
	attached []*groupNode
	closed   int // how many of them by a closed attachment
}

type groupNode struct {
	ref          GroupRef
	object       *Group
	nics         ordered[*nicNode]      // attached
	instances    ordered[*instanceNode] // attached
	members      ordered[*nicNode]      // judged: {n : g ∈ G(n)}
	referencedBy ordered[*groupNode]    // groups with a rule that names this one
}

// nicNode splits what was put (object, attached) from what is derived of it at
// the end of a batch (the rest), so that a batch derives it once.
type nicNode struct {
	id       string
	object   *NIC
	attached []*groupNode
	closed   int  // how many of them by a closed attachment
	dirty    bool // what follows is to be derived anew

	derived   *NIC // the object the fields below and the indexes stem from
	account   *accountNode
	network   *networkNode
	instance  *instanceNode // nil for a NIC of no instance
	domain    *domain       // nil while the NIC has no routing domain
	effective []*groupNode  // G(n), sorted
}

func compareAccounts(a, b *accountNode) int   { return cmp.Compare(a.id, b.id) }
func compareNetworks(a, b *networkNode) int   { return cmp.Compare(a.id, b.id) }
func compareNICs(a, b *nicNode) int           { return cmp.Compare(a.id, b.id) }
func compareInstances(a, b *instanceNode) int { return a.ref.Compare(b.ref) }
func compareGroups(a, b *groupNode) int       { return a.ref.Compare(b.ref) }
func compareGroupNames(a, b *Group) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
}

// The getters below return the node of that name, made if need be.

func (s *Snapshot) accountNode(id string) *accountNode {
	a := s.accounts[id]
	if a == nil {
		a = &accountNode{id: id}
		s.accounts[id] = a
	}
	return a
}

func (s *Snapshot) networkNode(id string) *networkNode {
	n := s.networks[id]
	if n == nil {
		n = &networkNode{id: id}
		s.networks[id] = n
	}
	return n
}

func (s *Snapshot) instanceNode(r InstanceRef) *instanceNode {
	i := s.instances[r]
	if i == nil {
		i = &instanceNode{ref: r}
		s.instances[r] = i
	}
	return i
}

func (s *Snapshot) groupNode(r GroupRef) *groupNode {
	g := s.groups[r]
	if g == nil {
		g = &groupNode{ref: r}
		s.groups[r] = g
	}
	return g
}

func (s *Snapshot) nicNode(id string) *nicNode {
	n := s.nics[id]
	if n == nil {
		n = &nicNode{id: id}
		s.nics[id] = n
	}
	return n
}

// The droppers below remove a node that nothing names any more.

func (s *Snapshot) dropAccount(a *accountNode) {
	if a.object == nil && a.nics.len() == 0 && a.instances.len() == 0 && a.groups.len() == 0 && a.shared.len() == 0 {
		delete(s.accounts, a.id)
	}
}

func (s *Snapshot) dropNetwork(n *networkNode) {
	if n.object == nil && n.nics.len() == 0 {
		delete(s.networks, n.id)
	}
}

func (s *Snapshot) dropInstance(i *instanceNode) {
	if i.object == nil && len(i.nics) == 0 && len(i.attached) == 0 {
		delete(s.instances, i.ref)
	}
}

// dropGroup leaves groups with members alone: G(n) is derived later in the
// batch and drops the group then.
func (s *Snapshot) dropGroup(g *groupNode) {
	if g.object == nil && g.nics.len()+g.instances.len()+g.members.len()+g.referencedBy.len() == 0 {
		delete(s.groups, g.ref)
	}
}

func (s *Snapshot) dropNIC(n *nicNode) {
	if n.object == nil && len(n.attached) == 0 {
		delete(s.nics, n.id)
	}
}
