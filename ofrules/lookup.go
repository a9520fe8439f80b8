package ofrules

// Profile returns the number of the set of groups that judges a local NIC, which
// stands in the cookies of that set's flows; false if the NIC has no flows or is
// not filtered.
func (c *Compiler) Profile(nic string) (number uint32, ok bool) {
	n, ok := c.local.nics[nic]
	if !ok || n.profile == nil {
		return 0, false
	}
	return n.profile.number, true
}

// Installed tells whether a NIC has flows.
func (c *Compiler) Installed(nic string) bool {
	_, ok := c.local.nics[nic]
	return ok
}

// Cookie selects the flows of a kind: those whose cookie has these bits under
// the mask.
func (k CookieKind) Cookie() (value, mask uint64) { return cookie(k, 0), KindMask }

// Meaning says what flows of a kind do, for people.
func (k CookieKind) Meaning() string {
	switch k {
	case KindPipeline:
		return "a fixed flow of the pipeline, the same on every host"
	case KindNIC:
		return "a NIC's entry, guard and delivery"
	case KindSegment:
		return "flooding and the uplink of an L2 segment"
	case KindProfile:
		return "where packets go that a set of groups judges"
	case KindClause:
		return "a clause of the rules of a set of groups"
	case KindRule:
		return "lets packets through by a rule"
	case KindAddress:
		return "the groups that a remote address is a member of"
	case KindUnrestricted:
		return "lets a NIC's egress through that no group restricts"
	case KindBaseline:
		return "lets packets through to a service that the operator opened to every NIC"
	case KindCut:
		return "keeps connections cut that nothing allows any more"
	case KindLinkLocal:
		return "counts what a NIC sends from IPv6 link-local addresses that are not its own, and drops it"
	case KindWatch:
		return "reports what is dropped, while somebody looks"
	case KindPickUp:
		return "has TCP judged in mid-stream, for a while after the switch forgot its connections"
	default:
		return "unknown"
	}
}
