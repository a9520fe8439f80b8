package httpapi

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/ringfence/ringfence/httpapi/change"
	"github.com/ringfence/ringfence/httpapi/effect"
	"github.com/ringfence/ringfence/httpapi/pages"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

type memberJSON struct {
	RoutingDomain string  `json:"routing_domain"`
	Address       string  `json:"address"`
	NIC           *string `json:"nic"` // null: another account's
}

// memberList is sorted by routing domain, address and NIC.
var memberList = listing[secgroup.Member]{
	after: func(c *call, s *secgroup.Snapshot, from *pages.Cursor, n int) (iter.Seq[secgroup.Member], error) {
		ref := c.in.Group()
		if s.Group(ref) == nil {
			return nil, transport.NotFound()
		}
		if from == nil {
			return slices.Values(secgroup.FirstMembers(s.EachMember(ref), n)), nil
		}
		last, err := memberOf(from.After)
		if err != nil {
			return nil, err
		}
		all := c.api.ordered.Get(ref, from.Revision, from.Mark, func() []secgroup.Member { return s.Members(ref) })
		at, found := slices.BinarySearchFunc(all, last, secgroup.Member.Compare)
		if found {
			at++
		}
		return slices.Values(all[at:min(at+n, len(all))]), nil
	},
	key: func(m secgroup.Member) string { return m.Address.String() + " " + m.NIC + " " + m.Domain },
	show: func(c *call, s *secgroup.Snapshot) func(secgroup.Member) any {
		return func(n secgroup.Member) any {
			m := memberJSON{n.Domain, n.Address.String(), nil}
			if c.viewer() == "" || effect.IsNICOf(s, c.viewer(), n.NIC) {
				m.NIC = &n.NIC
			}
			return m
		}
	},
}

// memberOf reads a key of memberList.
func memberOf(key string) (secgroup.Member, error) {
	address, rest, _ := strings.Cut(key, " ")
	nic, domain, found := strings.Cut(rest, " ")
	a, err := netip.ParseAddr(address)
	if err != nil || !found {
		return secgroup.Member{}, pages.BadCursor()
	}
	return secgroup.Member{Domain: domain, Address: a, NIC: nic}, nil
}

type referencesJSON struct {
	Rules       []plan.Dependent `json:"rules"`       // group, rule
	Attachments []plan.Dependent `json:"attachments"` // nic or instance
	Accounts    []string         `json:"accounts"`    // others that use it
	Revision    int64            `json:"revision"`
}

// getReferences answers what uses a group, its own rules apart: what stands in
// the way of deleting it.
func getReferences(c *call) error {
	ref := c.in.Group()
	return c.object(func(s *secgroup.Snapshot) (any, string) {
		if s.Group(ref) == nil {
			return nil, ""
		}
		out := referencesJSON{Rules: []plan.Dependent{}, Attachments: []plan.Dependent{}, Accounts: []string{}, Revision: s.Revision()}
		for _, r := range s.RulesReferencing(ref) {
			if r.Group != ref && r.Group.Account == ref.Account {
				out.Rules = append(out.Rules, plan.Dependent{Group: r.Group.ID, Rule: r.ID})
			}
		}
		for _, a := range s.AttachmentsOfGroup(ref) {
			if a.NIC == "" || effect.IsNICOf(s, ref.Account, a.NIC) {
				out.Attachments = append(out.Attachments, plan.Dependent{NIC: a.NIC, Instance: a.Instance})
			}
		}
		for _, share := range s.Group(ref).Shares {
			if attachments, rules := plan.ShareUse(s, ref, share.Account); len(attachments)+len(rules) > 0 {
				out.Accounts = append(out.Accounts, share.Account)
			}
		}
		return out, "l"
	})
}

func getGroupNetworks(c *call) error {
	return c.object(func(s *secgroup.Snapshot) (any, string) { return change.ScopeBody(s, c.in.Group()) })
}
