package secgroup

import (
	"slices"
	"strings"
)

// Use is what an account may do with a group of another.
type Use string

// The uses of a shared group.
const (
	UseAttach    Use = "attach"    // attach it to NICs
	UseReference Use = "reference" // name it as the remote group of rules
)

// Share lets another account use a group. It names the account, which need not
// exist: whoever shares learns nothing of who does. It is comparable.
type Share struct {
	Account   string
	Attach    bool
	Reference bool
}

// Uses lists what the share allows, sorted.
func (s Share) Uses() []Use {
	uses := []Use{}
	if s.Attach {
		uses = append(uses, UseAttach)
	}
	if s.Reference {
		uses = append(uses, UseReference)
	}
	return uses
}

// Share returns what the group lets another account do; nothing if it is not
// shared with it.
func (g *Group) Share(account string) Share {
	if i := slices.IndexFunc(g.Shares, func(s Share) bool { return s.Account == account }); i >= 0 {
		return g.Shares[i]
	}
	return Share{Account: account}
}

// Allows reports whether an account may use the group: its own may.
func (g *Group) Allows(account string, u Use) bool {
	return g.Account == account || slices.Contains(g.Share(account).Uses(), u)
}

// Within names the group to an account: by its id, or as "account/id" if it is
// another's.
func (r GroupRef) Within(account string) string {
	if r.Account == account {
		return r.ID
	}
	return r.Account + "/" + r.ID
}

// ParseGroupRef is the inverse of Within.
func ParseGroupRef(account, name string) GroupRef {
	if other, id, ok := strings.Cut(name, "/"); ok {
		return GroupRef{Account: other, ID: id}
	}
	return GroupRef{Account: account, ID: name}
}
