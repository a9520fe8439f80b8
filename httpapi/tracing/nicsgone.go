package tracing

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// nicsGone tells of NICs that are no more, as far back as changes are kept here.
// Their interfaces may still be plugged; nothing passes there.
type nicsGone struct {
	past     *realization.History
	places   func(nic string) []store.Place
	account  string // whose NICs are told of
	platform bool   // the caller may know of everybody's
}

// named says what is known of a NIC that the policy does not have, "" for nothing.
func (g *nicsGone) named(s *secgroup.Snapshot, id string) string {
	if n, rev := g.past.LastDeleted(s, func(n *secgroup.NIC) bool { return n.ID == id && n.Account == g.account }); n != nil {
		return g.text(fmt.Sprintf("NIC %s was deleted at revision %d", id, rev), id)
	}
	if g.platform && s.NIC(id) == nil && g.plugged(id) {
		return g.text("the policy does not have NIC "+id, id)
	}
	return ""
}

// at says of an address that no NIC has which of the account's had it last, "" if
// that is not known. The domain may be "", which is any.
func (g *nicsGone) at(s *secgroup.Snapshot, domain string, a netip.Addr) string {
	n, rev := g.past.LastDeleted(s, func(n *secgroup.NIC) bool {
		return n.Account == g.account && (domain == "" || s.Domain(n) == domain) && slices.Contains(secgroup.MemberAddresses(n), a)
	})
	if n == nil {
		return ""
	}
	return g.text(fmt.Sprintf("%s was an address of NIC %s, which was deleted at revision %d", a, n.ID, rev), n.ID)
}

func (g *nicsGone) text(what, id string) string {
	if g.plugged(id) {
		what += "; it is still plugged, and nothing passes there"
	}
	return what
}

func (g *nicsGone) plugged(id string) bool {
	return len(g.places(id)) > 0
}
