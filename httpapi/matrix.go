package httpapi

import (
	"github.com/ringfence/ringfence/httpapi/inspect"
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
)

type matrixJSON struct {
	Groups    []matrixGroupJSON `json:"groups"`
	Peers     []matrixPeerJSON  `json:"peers"`
	Entries   []matrixEntryJSON `json:"entries"`
	Truncated bool              `json:"truncated"`
	Revision  int64             `json:"revision"`
}

type matrixGroupJSON struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	NICs       int    `json:"nics"`
	Restricted int    `json:"restricted"`
}

type matrixPeerJSON struct {
	CIDR   string          `json:"cidr"`
	Groups []peerGroupJSON `json:"groups"`
}

type peerGroupJSON struct {
	Group string `json:"group"`
	NICs  int    `json:"nics"`
}

type matrixEntryJSON struct {
	From      matrixEndJSON      `json:"from"`
	To        matrixEndJSON      `json:"to"`
	Direction secgroup.Direction `json:"direction"`
	Group     string             `json:"group"`
	Rule      string             `json:"rule"`
	Family    secgroup.Family    `json:"family"`
	Protocol  secgroup.Protocol  `json:"protocol"`
	PortMin   *int               `json:"port_min"`
	PortMax   *int               `json:"port_max"`
	ICMPType  *int               `json:"icmp_type"`
	ICMPCode  *int               `json:"icmp_code"`
	OtherEnd  *otherEndJSON      `json:"other_end"`
}

// matrixEndJSON is everything if both are null, and what is in both if both are
// given.
type matrixEndJSON struct {
	Group *string `json:"group"`
	CIDR  *string `json:"cidr"`
}

type otherEndJSON struct {
	NICs         int               `json:"nics"`
	Allowed      int               `json:"allowed"`
	Partly       int               `json:"partly"`
	Blocked      int               `json:"blocked"`
	Apart        int               `json:"apart"`
	Unrestricted int               `json:"unrestricted"`
	Rules        []inspect.RuleRef `json:"rules"`
}

// getMatrix answers who may talk to whom in an account. It is worked out beside
// the policy, which changes may go on with meanwhile.
func getMatrix(c *call) error {
	filter := plan.MatrixFilter{Network: c.in.Query("network")}
	if g := c.in.Query("group"); g != "" {
		filter.Group = secgroup.ParseGroupRef(c.in.Account, g)
	}
	var policy *secgroup.Snapshot
	err := c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		if s.Account(c.in.Account) == nil || c.in.Query("group") != "" && s.Group(filter.Group) == nil {
			return transport.NotFound()
		}
		policy = s
		return nil
	})
	if err != nil {
		return err
	}
	body, err := strictjson.Encode(c.showMatrix(plan.MatrixOf(policy, c.in.Account, filter), policy.Revision()))
	if err != nil {
		return err
	}
	return c.read("m", body)
}

func (c *call) showMatrix(m plan.Matrix, revision int64) matrixJSON {
	out := matrixJSON{Groups: []matrixGroupJSON{}, Peers: []matrixPeerJSON{}, Entries: make([]matrixEntryJSON, 0, len(m.Entries)), Truncated: m.More, Revision: revision}
	known := map[secgroup.GroupRef]bool{}
	for _, g := range m.Groups {
		if g.Account != c.in.Account && c.viewer() != "" && len(g.Share(c.in.Account).Uses()) == 0 {
			continue // not for the account to know any more
		}
		known[g.GroupRef] = true
		out.Groups = append(out.Groups, matrixGroupJSON{g.GroupRef.Within(c.in.Account), g.Name, g.NICs, g.Restricted})
	}
	for _, p := range m.Peers {
		peer := matrixPeerJSON{p.CIDR.String(), []peerGroupJSON{}}
		for _, g := range p.Groups {
			peer.Groups = append(peer.Groups, peerGroupJSON{g.Group.Within(c.in.Account), g.NICs})
		}
		out.Peers = append(out.Peers, peer)
	}
	end := func(r plan.Remote) matrixEndJSON {
		name := shape.GroupText(c.in.Account, r.Group)
		if name != nil && r.Group.Account != c.in.Account && !known[r.Group] {
			name = strictjson.TextOrNull(r.Group.Account + "/*")
		}
		return matrixEndJSON{name, shape.PrefixText(r.CIDR)}
	}
	for i := range m.Entries {
		e := &m.Entries[i]
		own, remote := end(plan.Remote{Group: e.Group}), end(e.Remote)
		shown := matrixEntryJSON{
			From: remote, To: own, Direction: e.Direction, Group: e.Group.Within(c.in.Account), Rule: e.Rule.ID, Family: e.Service.Family, Protocol: e.Service.Protocol,
			ICMPType: shape.Optional8(e.Service.ICMPType), ICMPCode: shape.Optional8(e.Service.ICMPCode),
		}
		if e.Direction == secgroup.Egress {
			shown.From, shown.To = own, remote
		}
		if e.Service.PortMin > 0 || e.Service.PortMax < 65535 {
			shown.PortMin, shown.PortMax = shape.Positive(int(e.Service.PortMin)), shape.Positive(int(e.Service.PortMax))
		}
		if o := e.OtherEnd; o != nil {
			shown.OtherEnd = &otherEndJSON{o.NICs, o.Allowed, o.Partly, o.Blocked, o.Apart, o.Unrestricted, []inspect.RuleRef{}}
			for _, r := range o.Rules {
				shown.OtherEnd.Rules = append(shown.OtherEnd.Rules, inspect.RuleRef{Group: r.Group.Within(c.in.Account), Rule: r.ID})
			}
		}
		out.Entries = append(out.Entries, shown)
	}
	return out
}
