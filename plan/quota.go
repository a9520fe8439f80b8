package plan

import (
	"fmt"

	"github.com/ringfence/ringfence/secgroup"
)

// The quotas of an account, by the names of Account.Quotas. An account that
// names no limit has that of DefaultQuotas.
const (
	QuotaGroups        = "security_groups" // the default one included; "groups" is another name
	QuotaInstances     = "instances"
	QuotaNICs          = "nics"
	QuotaRulesPerGroup = "rules_per_group"
	QuotaGroupsPerNIC  = "groups_per_nic" // attached to the NIC or to its instance
)

// QuotaNames are all quotas.
var QuotaNames = []string{QuotaGroups, QuotaInstances, QuotaNICs, QuotaRulesPerGroup, QuotaGroupsPerNIC}

// DefaultQuotas are for accounts that name no limit: more than anybody needs, and
// less than fills the store. NICs, which are the platform's, have none; how many
// rules a group may have is bound for all (secgroup).
var DefaultQuotas = map[string]int{
	QuotaGroups:       20_000,
	QuotaInstances:    100_000,
	QuotaGroupsPerNIC: 200,
}

// Quota returns the account's limit of that name.
func Quota(a *secgroup.Account, name string) (limit int, limited bool) {
	if a == nil {
		return 0, false
	}
	limit, limited = a.Quotas[name]
	if !limited && name == QuotaGroups {
		limit, limited = a.Quotas["groups"]
	}
	if !limited {
		limit, limited = DefaultQuotas[name]
	}
	return limit, limited
}

// Usage returns how much of a quota an account uses; of those per group or per
// NIC it is the most that one of them uses.
func Usage(s *secgroup.Snapshot, account, name string) int {
	most := 0
	switch name {
	case QuotaGroups, "groups":
		return len(s.Groups(account))
	case QuotaInstances:
		return len(s.Instances(account))
	case QuotaNICs:
		return len(s.NICsOfAccount(account))
	case QuotaRulesPerGroup:
		for _, g := range s.Groups(account) {
			most = max(most, len(g.Rules))
		}
	case QuotaGroupsPerNIC:
		for _, n := range s.NICsOfAccount(account) {
			most = max(most, attachedGroups(s, n))
		}
	}
	return most
}

// attachedGroups counts the groups attached to a NIC or to its instance.
func attachedGroups(s *secgroup.Snapshot, n *secgroup.NIC) int {
	groups := map[secgroup.GroupRef]struct{}{}
	for _, a := range s.AttachmentsOfNIC(n.ID) {
		groups[a.Group] = struct{}{}
	}
	if n.Instance != "" {
		for _, a := range s.AttachmentsOfInstance(secgroup.InstanceRef{Account: n.Account, ID: n.Instance}) {
			groups[a.Group] = struct{}{}
		}
	}
	return len(groups)
}

// quotas refuses a change that makes an account use more than it may. What is
// over a limit already, because the limit was lowered, may stay and shrink.
func quotas(before, after *secgroup.Snapshot, changes []secgroup.Change) error {
	q := quotaCheck{before, after}
	counted := map[[2]string]bool{}
	for _, c := range changes {
		var err error
		switch o := c.Object.(type) {
		case *secgroup.Group:
			err = q.rules(o)
			if err == nil && q.before.Group(o.GroupRef) == nil && !o.IsDefault && !counted[[2]string{o.Account, QuotaGroups}] {
				counted[[2]string{o.Account, QuotaGroups}] = true
				err = q.count(o.Account, QuotaGroups)
			}
		case *secgroup.Instance:
			if q.before.Instance(o.InstanceRef) == nil && !counted[[2]string{o.Account, QuotaInstances}] {
				counted[[2]string{o.Account, QuotaInstances}] = true
				err = q.count(o.Account, QuotaInstances)
			}
		case *secgroup.NIC:
			if q.before.NIC(o.ID) == nil && !counted[[2]string{o.Account, QuotaNICs}] {
				counted[[2]string{o.Account, QuotaNICs}] = true
				err = q.count(o.Account, QuotaNICs)
			}
			if err == nil {
				err = q.groups(o)
			}
		case *secgroup.Attachment:
			err = q.attached(o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type quotaCheck struct{ before, after *secgroup.Snapshot }

func (q *quotaCheck) count(account, name string) error {
	limit, limited := Quota(q.after.Account(account), name)
	if !limited {
		return nil
	}
	return exceeded(name, limit, Usage(q.before, account, name), Usage(q.after, account, name))
}

func (q *quotaCheck) rules(g *secgroup.Group) error {
	limit, limited := Quota(q.after.Account(g.Account), QuotaRulesPerGroup)
	if !limited || g.IsDefault && q.before.Group(g.GroupRef) == nil {
		return nil
	}
	was := 0
	if old := q.before.Group(g.GroupRef); old != nil {
		was = len(old.Rules)
	}
	return exceeded(QuotaRulesPerGroup, limit, was, len(g.Rules))
}

func (q *quotaCheck) groups(n *secgroup.NIC) error {
	limit, limited := Quota(q.after.Account(n.Account), QuotaGroupsPerNIC)
	if !limited {
		return nil
	}
	was := 0
	if old := q.before.NIC(n.ID); old != nil {
		was = attachedGroups(q.before, old)
	}
	return exceeded(QuotaGroupsPerNIC, limit, was, attachedGroups(q.after, n))
}

func (q *quotaCheck) attached(a *secgroup.Attachment) error {
	if a.NIC != "" {
		if n := q.after.NIC(a.NIC); n != nil {
			return q.groups(n)
		}
		return nil
	}
	ref := secgroup.InstanceRef{Account: a.Group.Account, ID: a.Instance}
	if limit, limited := Quota(q.after.Account(ref.Account), QuotaGroupsPerNIC); limited {
		was, is := len(q.before.AttachmentsOfInstance(ref)), len(q.after.AttachmentsOfInstance(ref))
		if err := exceeded(QuotaGroupsPerNIC, limit, was, is); err != nil {
			return err
		}
		for _, n := range q.after.NICsOfInstance(ref) {
			if err := q.groups(n); err != nil {
				return err
			}
		}
	}
	return nil
}

func exceeded(name string, limit, was, is int) error {
	if is <= limit || is <= was {
		return nil
	}
	return &Conflict{CodeQuotaExceeded, fmt.Sprintf("the quota %s of the account is %d; this would make it %d", name, limit, is), nil}
}
