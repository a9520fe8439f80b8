package secgroup

// Nodes counts the names that a snapshot keeps.
func Nodes(s *Snapshot) int {
	n := s.accounts.len() + s.networks.len() + s.nics.len() + s.domains.len() + s.macs.len()
	for _, a := range s.accounts.all() {
		n += a.instances.len() + a.groups.len() + a.byName.len()
	}
	return n
}
