package secgroup

// Nodes counts the names that a snapshot keeps.
func Nodes(s *Snapshot) int {
	return len(s.accounts) + len(s.networks) + len(s.instances) + len(s.groups) + len(s.nics) + len(s.domains) + s.nicOrder.len()
}
