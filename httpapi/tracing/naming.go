package tracing

import (
	"fmt"

	"github.com/ringfence/ringfence/secgroup"
)

// naming writes about groups to an account.
type naming struct {
	s       *secgroup.Snapshot
	account string
}

// group is what people call a group: its name if it is the account's own.
func (n naming) group(ref secgroup.GroupRef) string {
	if g := n.s.Group(ref); g != nil && g.Account == n.account && g.Name != "" {
		return g.Name
	}
	return ref.Within(n.account)
}

// remote names a group that a rule of a group that the account knows names. The
// account does not know it for that.
func (n naming) remote(ref secgroup.GroupRef) string {
	if g := n.s.Group(ref); ref.Account != n.account && (g == nil || len(g.Share(n.account).Uses()) == 0) {
		return ref.Account + "/*"
	}
	return ref.Within(n.account)
}

// peer says whom a rule is about, as verdict.PeerText does.
func (n naming) peer(r *secgroup.Rule) string {
	cidr := r.RemoteCIDR.IsValid()
	switch group := r.RemoteGroup != (secgroup.GroupRef{}); {
	case group && cidr:
		return fmt.Sprintf("group %s within %s", n.peerGroup(r.RemoteGroup), r.RemoteCIDR)
	case group:
		return "group " + n.peerGroup(r.RemoteGroup)
	case cidr:
		return r.RemoteCIDR.String()
	}
	return "everybody"
}

func (n naming) peerGroup(ref secgroup.GroupRef) string {
	if ref.Account == n.account {
		return n.group(ref)
	}
	return n.remote(ref)
}
