package ofrules

// Profile returns the number of the set of groups that judges a local NIC, which
// stands in the cookies of that set's flows; false if the NIC has no flows or is
// not filtered.
func (c *Compiler) Profile(nic string) (number uint32, ok bool) {
	n, ok := c.nics[nic]
	if !ok || n.profile == nil {
		return 0, false
	}
	return n.profile.number, true
}

// Cookie selects the flows of a kind: those whose cookie has these bits under
// the mask.
func (k CookieKind) Cookie() (value, mask uint64) { return cookie(k, 0), CookieMask | 0xff<<40 }
