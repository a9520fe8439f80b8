package record

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/secgroup"
)

type groupRecord struct {
	Header
	Name        string                `json:"name"`
	Description string                `json:"description,omitempty"`
	Tags        map[string]string     `json:"tags,omitempty"`
	Default     bool                  `json:"default,omitempty"`
	Egress      secgroup.EgressPolicy `json:"egress"`
	Scope       secgroup.NetworkScope `json:"scope"`
	Networks    []string              `json:"networks,omitempty"`
	Rules       []ruleRecord          `json:"rules,omitempty"`
	Shares      []shareRecord         `json:"shares,omitempty"`
	Created     Stamp                 `json:"created,omitempty"`
	Updated     Stamp                 `json:"updated,omitempty"`
}

type shareRecord struct {
	Account string         `json:"account"`
	Uses    []secgroup.Use `json:"use"`
}

// ruleRecord is short, because a group of a thousand rules is one value.
type ruleRecord struct {
	ID            string             `json:"id"`
	Direction     secgroup.Direction `json:"dir"`
	Family        secgroup.Family    `json:"fam"`
	Protocol      secgroup.Protocol  `json:"proto"`
	PortMin       uint16             `json:"pmin,omitempty"`
	PortMax       uint16             `json:"pmax,omitempty"`
	ICMPType      *uint8             `json:"itype,omitempty"`
	ICMPCode      *uint8             `json:"icode,omitempty"`
	RemoteCIDR    netip.Prefix       `json:"cidr,omitzero"`
	RemoteAccount string             `json:"raccount,omitempty"` // absent: the group's own
	RemoteGroup   string             `json:"rgroup,omitempty"`
	Description   string             `json:"description,omitempty"`
	Disabled      bool               `json:"off,omitempty"`
	Origin        secgroup.Origin    `json:"origin"`
	Revision      int64              `json:"rev,omitempty"` // absent: changed in the write that made this record
}

func groupToRecord(g *secgroup.Group) groupRecord {
	r := groupRecord{
		Header: Current, Name: g.Name, Description: g.Description, Tags: g.Tags, Default: g.IsDefault, Egress: g.EgressPolicy,
		Scope: g.NetworkScope, Networks: g.Networks, Created: StampOf(g.CreatedAt), Updated: StampOf(g.UpdatedAt),
	}
	for i := range g.Rules {
		r.Rules = append(r.Rules, ruleToRecord(g.Account, &g.Rules[i]))
	}
	for _, s := range g.Shares {
		r.Shares = append(r.Shares, shareRecord{s.Account, s.Uses()})
	}
	return r
}

func (r groupRecord) group(ref secgroup.GroupRef, rev int64) (*secgroup.Group, error) {
	if err := oneOf("egress", r.Egress, secgroup.EgressAuto, secgroup.EgressListed, secgroup.EgressOpen); err != nil {
		return nil, err
	}
	if err := oneOf("scope", r.Scope, secgroup.ScopeAny, secgroup.ScopeListed); err != nil {
		return nil, err
	}
	g := &secgroup.Group{
		GroupRef: ref, Name: r.Name, Description: r.Description, Tags: r.Tags, IsDefault: r.Default, EgressPolicy: r.Egress,
		NetworkScope: r.Scope, Networks: r.Networks, CreatedAt: r.Created.time(), UpdatedAt: r.Updated.time(), Revision: rev,
	}
	if len(r.Rules) > 0 {
		g.Rules = make([]secgroup.Rule, len(r.Rules))
	}
	for i := range r.Rules {
		var err error
		if g.Rules[i], err = r.Rules[i].rule(ref.Account, rev); err != nil {
			return nil, fmt.Errorf("rule %q: %w", r.Rules[i].ID, err)
		}
	}
	for _, s := range r.Shares {
		share := secgroup.Share{Account: s.Account}
		for _, u := range s.Uses {
			if err := oneOf("use", u, secgroup.UseAttach, secgroup.UseReference); err != nil {
				return nil, fmt.Errorf("share %q: %w", s.Account, err)
			}
			share.Attach = share.Attach || u == secgroup.UseAttach
			share.Reference = share.Reference || u == secgroup.UseReference
		}
		g.Shares = append(g.Shares, share)
	}
	slices.Sort(g.Networks)
	slices.SortFunc(g.Shares, func(a, b secgroup.Share) int { return strings.Compare(a.Account, b.Account) })
	slices.SortFunc(g.Rules, func(a, b secgroup.Rule) int { return strings.Compare(a.ID, b.ID) })
	for i := 1; i < len(g.Rules); i++ {
		if g.Rules[i].ID == g.Rules[i-1].ID {
			return nil, fmt.Errorf("rule %q: there are two", g.Rules[i].ID)
		}
	}
	return g, nil
}

func ruleToRecord(account string, r *secgroup.Rule) ruleRecord {
	rec := ruleRecord{
		ID: r.ID, Direction: r.Direction, Family: r.Family, Protocol: r.Protocol, PortMin: r.PortMin, PortMax: r.PortMax,
		ICMPType: byteToRecord(r.ICMPType), ICMPCode: byteToRecord(r.ICMPCode), RemoteCIDR: r.RemoteCIDR, RemoteGroup: r.RemoteGroup.ID,
		Description: r.Description, Disabled: !r.Enabled, Origin: r.Origin, Revision: r.Revision,
	}
	if r.RemoteGroup.Account != account {
		rec.RemoteAccount = r.RemoteGroup.Account
	}
	return rec
}

func (r ruleRecord) rule(account string, rev int64) (secgroup.Rule, error) {
	var none secgroup.Rule
	if r.ID == "" {
		return none, fmt.Errorf("id: missing")
	}
	if err := oneOf("dir", r.Direction, secgroup.Ingress, secgroup.Egress); err != nil {
		return none, err
	}
	if err := oneOf("fam", r.Family, secgroup.FamilyAny, secgroup.FamilyIPv4, secgroup.FamilyIPv6); err != nil {
		return none, err
	}
	if _, err := strconv.ParseUint(string(r.Protocol), 10, 8); err != nil {
		if err := oneOf("proto", r.Protocol, secgroup.ProtocolAll, secgroup.ProtocolTCP, secgroup.ProtocolUDP, secgroup.ProtocolICMP); err != nil {
			return none, err
		}
	}
	if err := oneOf("origin", r.Origin, secgroup.OriginUser, secgroup.OriginDefault); err != nil {
		return none, err
	}
	if r.RemoteAccount != "" && r.RemoteGroup == "" {
		return none, fmt.Errorf("raccount: without rgroup")
	}
	rule := secgroup.Rule{
		ID: r.ID, Direction: r.Direction, Family: r.Family, Protocol: r.Protocol, PortMin: r.PortMin, PortMax: r.PortMax,
		ICMPType: recordToByte(r.ICMPType), ICMPCode: recordToByte(r.ICMPCode), RemoteCIDR: r.RemoteCIDR, Description: r.Description,
		Enabled: !r.Disabled, Origin: r.Origin, Revision: r.Revision,
	}
	if r.RemoteGroup != "" {
		rule.RemoteGroup = secgroup.GroupRef{Account: r.RemoteAccount, ID: r.RemoteGroup}
		if r.RemoteAccount == "" {
			rule.RemoteGroup.Account = account
		}
	}
	if rule.Revision == 0 {
		rule.Revision = rev
	}
	return rule, nil
}

func byteToRecord(v secgroup.Opt8) *uint8 {
	if !v.Set {
		return nil
	}
	return &v.Value
}

func recordToByte(v *uint8) secgroup.Opt8 {
	if v == nil {
		return secgroup.Opt8{}
	}
	return secgroup.Some8(*v)
}
