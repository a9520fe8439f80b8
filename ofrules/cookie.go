package ofrules

import "fmt"

// A cookie says whose flow it is and what it is for:
//
//	63           48 47    40 39    32 31                     0
//	+--------------+--------+--------+------------------------+
//	| owner 0x5247 |  kind  |   0    |           id           |
//	+--------------+--------+--------+------------------------+
//
// CookieOwner under CookieMask selects every flow of Ringfence: that is how a
// restarted controller knows its own. Under KindMask only the id is left out.
const (
	CookieOwner uint64 = 0x5247 << 48
	CookieMask  uint64 = 0xffff << 48
	KindMask    uint64 = 0xffffffff << 32
)

// CookieKind is what a flow is for.
type CookieKind uint8

// The kinds, with what the id is.
const (
	KindPipeline     CookieKind = iota + 1 // the fixed flows; id 0
	KindNIC                                // entry, guard, delivery of a NIC; id = its number
	KindSegment                            // flooding and the uplink; id = the segment's number
	KindProfile                            // id = the profile's number
	KindClause                             // a conjunction's clause; id = the profile's number
	KindRule                               // admits; id = the rule's number
	KindAddress                            // labels of a remote address; id 0
	KindUnrestricted                       // admits: egress that nothing restricts; id = the NIC's number
	KindBaseline                           // admits: the operator's baseline; id = MarkBaseline
	kindFormerCut                          // of versions that kept each cut connection by flows of its own: they take any flow of it for theirs
	KindWatch                              // reports what is dropped while somebody looks; id = the Watch's
	KindPickUp                             // has TCP judged in mid-stream for a while; id 0
	KindCut                                // keeps connections cut; id 0
	KindLinkLocal                          // counts what a NIC sends from link-local addresses that are not its own, and drops it; id = the NIC's number
)

var kindNames = [...]string{
	KindPipeline: "pipeline", KindNIC: "nic", KindSegment: "segment", KindProfile: "profile", KindClause: "clause",
	KindRule: "rule", KindAddress: "address", KindUnrestricted: "unrestricted", KindBaseline: "baseline",
	KindCut: "cut", KindWatch: "watch", KindPickUp: "pick-up", KindLinkLocal: "link-local",
}

func (k CookieKind) String() string {
	if int(k) < len(kindNames) && kindNames[k] != "" {
		return kindNames[k]
	}
	return fmt.Sprintf("CookieKind(%d)", uint8(k))
}

// Cookie is a decoded flow cookie.
type Cookie struct {
	Kind CookieKind
	ID   uint32
}

func cookie(k CookieKind, id uint32) uint64 { return CookieOwner | uint64(k)<<40 | uint64(id) }

// ParseCookie takes a flow's cookie apart; ok is false if the flow is not
// Ringfence's or of a kind this version does not know.
func ParseCookie(c uint64) (Cookie, bool) {
	k := CookieKind(c >> 40)
	if c&CookieMask != CookieOwner || c>>32&0xff != 0 || k < KindPipeline || k > KindLinkLocal || k == kindFormerCut {
		return Cookie{}, false
	}
	return Cookie{k, uint32(c)}, true
}

// Values of ct_mark that are no rule's number. Numbers of rules start at
// firstNumber.
const (
	MarkUnrestricted uint32 = 1 // egress of a NIC that is not egress-restricted
	MarkBaseline     uint32 = 2 // an address of the operator's baseline
	MarkUnfiltered   uint32 = 4 // nobody judged it: the NIC was not filtered then
	MarkFragment     uint32 = 3 // a rule, by the first fragment of a datagram; or unrestricted egress

	firstNumber uint32 = 16
)

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
