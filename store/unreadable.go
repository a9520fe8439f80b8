package store

import (
	"encoding/json"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/record"
)

// ErrUnreadable says that a change is about an object whose record this
// version cannot read. Nothing was written.
var ErrUnreadable = errors.New("the object's record cannot be read")

// Unreadable is a record below policy/ that this version cannot read: a newer
// one wrote it, or nobody of Ringfence.
type Unreadable struct {
	Key      string       // in etcd
	Object   secgroup.Key // Kind 0: the key names nothing that this version knows
	Revision int64        // etcd revision that wrote it
	Reason   string
}

// maxUnreadableLogged bounds the lines that one batch logs.
const maxUnreadableLogged = 100

// cannotRead notes a record as unreadable.
func (p *policySink) cannotRead(k secgroup.Key, kv *mvccpb.KeyValue, err error) {
	u := Unreadable{string(kv.Key), k, kv.ModRevision, err.Error()}
	if p.unreadable == nil {
		p.unreadable = map[string]Unreadable{}
	}
	if n := len(p.unreadable); n < maxUnreadableLogged {
		p.log.Error("a record cannot be read: its object is enforced no wider than before, and not written", "error", &RecordError{Key: u.Key, Err: err}, "revision", u.Revision)
	} else if n == maxUnreadableLogged {
		p.log.Error("more records cannot be read than are logged")
	}
	p.unreadable[u.Key], p.listed = u, nil
}

// canRead takes back what cannotRead noted: the record was written again.
func (p *policySink) canRead(kv *mvccpb.KeyValue) {
	if _, bad := p.unreadable[string(kv.Key)]; bad {
		delete(p.unreadable, string(kv.Key))
		p.listed = nil
	}
}

// allUnreadable returns what cannot be read now, sorted by key.
func (p *policySink) allUnreadable() []Unreadable {
	if p.listed == nil && len(p.unreadable) > 0 {
		p.listed = slices.SortedFunc(maps.Values(p.unreadable), func(a, b Unreadable) int { return strings.Compare(a.Key, b.Key) })
	}
	return p.listed
}

// standIn is what is enforced in place of an object whose record cannot be
// read, nil for nothing: never more than old, which is what was enforced so
// far (nil: nothing that is known here). Where the record's known fields can be
// read all the same, it is never more than they say either.
//
//	             known so far                           unknown, as after a restart
//	group        the rules that both have; restricts    no rules, restricts, judges in every network,
//	             egress if either does                  has no members where others' rules name it
//	NIC          the addresses that both have           absent: nothing passes
//	attachment   attached                               its NICs are judged by nobody: nothing passes
//	network      as it was, absent if it moved          absent: nothing passes at its NICs
//	baseline     the addresses that both have           none
//	account,     the settings that can be read; nothing of them is enforced
//	instance
func standIn(k secgroup.Key, kv *mvccpb.KeyValue, old secgroup.Object) secgroup.Object {
	rev := kv.ModRevision
	read := glean(k, kv)
	switch k.Kind {
	case secgroup.KindGroup:
		was, known := old.(*secgroup.Group)
		now, _ := read.(*secgroup.Group)
		return groupStandIn(k, rev, was, known, now)
	case secgroup.KindNIC:
		was, known := old.(*secgroup.NIC)
		if !known {
			return nil
		}
		now, _ := read.(*secgroup.NIC)
		return nicStandIn(rev, *was, now)
	case secgroup.KindNetwork:
		was, known := old.(*secgroup.Network)
		if !known {
			return nil
		}
		now, _ := read.(*secgroup.Network)
		return networkStandIn(rev, *was, now)
	case secgroup.KindAttachment:
		if a, known := old.(*secgroup.Attachment); known {
			return a
		}
		return &secgroup.Attachment{Group: secgroup.GroupRef{Account: k.Account, ID: k.ID}, Instance: k.Instance, NIC: k.NIC, Closed: true}
	case secgroup.KindBaseline:
		b := secgroup.Baseline{}
		if was, known := old.(*secgroup.Baseline); known {
			b = *was
		}
		if now, ok := read.(*secgroup.Baseline); ok {
			b.Addresses = common(b.Addresses, now.Addresses)
		}
		b.Revision = rev
		return &b
	case secgroup.KindAccount:
		a := secgroup.Account{ID: k.ID, EgressPolicyDefault: secgroup.EgressListed, EgressOpenGuard: secgroup.GuardBlock}
		if was, known := old.(*secgroup.Account); known {
			a = *was
		}
		if now, ok := read.(*secgroup.Account); ok {
			a = *now
		}
		a.Revision = rev
		return &a
	case secgroup.KindInstance:
		i := secgroup.Instance{InstanceRef: secgroup.InstanceRef{Account: k.Account, ID: k.ID}}
		if was, known := old.(*secgroup.Instance); known {
			i = *was
		}
		if now, ok := read.(*secgroup.Instance); ok {
			i = *now
		}
		i.Revision = rev
		return &i
	}
	return nil
}

// glean reads the known fields of a record that must not be acted on, nil if
// they do not make an object.
func glean(k secgroup.Key, kv *mvccpb.KeyValue) secgroup.Object {
	var all map[string]json.RawMessage
	if json.Unmarshal(kv.Value, &all) != nil {
		return nil
	}
	for name := range all {
		if strings.EqualFold(name, "v") || strings.EqualFold(name, "min_reader") {
			delete(all, name)
		}
	}
	all["v"] = json.RawMessage("1")
	value, err := json.Marshal(all)
	if err != nil {
		return nil
	}
	o, _, err := record.DecodeObject(k, kv.ModRevision, value)
	if err != nil {
		return nil
	}
	return o
}

// groupStandIn keeps the NICs of a group as restricted as they are, or may be.
func groupStandIn(k secgroup.Key, rev int64, was *secgroup.Group, known bool, now *secgroup.Group) *secgroup.Group {
	if !known {
		g := &secgroup.Group{GroupRef: secgroup.GroupRef{Account: k.Account, ID: k.ID}, EgressPolicy: secgroup.EgressListed, NetworkScope: secgroup.ScopeAny, Closed: true, Revision: rev}
		if now != nil {
			g.Name, g.Description, g.Tags, g.IsDefault, g.CreatedAt, g.UpdatedAt = now.Name, now.Description, now.Tags, now.IsDefault, now.CreatedAt, now.UpdatedAt
		}
		return g
	}
	g := *was
	g.Revision = rev
	if now == nil {
		return &g
	}
	if secgroup.EgressRestricts(was) || secgroup.EgressRestricts(now) {
		g.EgressPolicy = secgroup.EgressListed
	}
	g.Rules = nil
	for _, r := range was.Rules {
		if other := now.Rule(r.ID); other != nil && r.Enabled && secgroup.SameContent(r, *other) {
			g.Rules = append(g.Rules, r)
		}
	}
	return &g
}

// nicStandIn keeps of a NIC what both states have; nil for one that became
// another NIC.
func nicStandIn(rev int64, n secgroup.NIC, now *secgroup.NIC) secgroup.Object {
	n.Revision = rev
	if now == nil {
		return &n
	}
	if now.Account != n.Account || now.Instance != n.Instance || now.Network != n.Network || now.MAC != n.MAC {
		return nil
	}
	n.Addresses, n.AllowedAddresses = common(n.Addresses, now.Addresses), common(n.AllowedAddresses, now.AllowedAddresses)
	n.DHCPServer = n.DHCPServer && now.DHCPServer
	if now.Enforcement != secgroup.EnforcementOff {
		n.Enforcement = secgroup.EnforcementOn
	}
	return &n
}

// networkStandIn keeps a network that stayed where it was; nil for another one.
func networkStandIn(rev int64, n secgroup.Network, now *secgroup.Network) secgroup.Object {
	n.Revision = rev
	if now == nil {
		return &n
	}
	if now.Segment() != n.Segment() {
		return nil
	}
	n.Gateways = common[[]netip.Addr](n.Gateways, now.Gateways)
	return &n
}

// common returns the elements of a that b has too.
func common[S ~[]T, T comparable](a, b S) S {
	return slices.DeleteFunc(slices.Clone(a), func(v T) bool { return !slices.Contains(b, v) })
}

// refuse refuses changes of objects that cannot be read.
func (s *state) refuse(changes []secgroup.Change) error {
	for _, ch := range changes {
		if u, bad := s.unreadable[ch.Key]; bad {
			return u.Refusal("update")
		}
	}
	return nil
}

// Refusal is the error that refuses what needs the record, an ErrUnreadable.
func (u Unreadable) Refusal(op string) error {
	return &OpError{Op: op, Kind: ErrUnreadable, Err: &RecordError{Key: u.Key, Err: errors.New(u.Reason)}}
}

// Unreadable returns the records below policy/ that cannot be read now, as this
// process has seen them, sorted by key. The caller must not change it.
func (s *Store) Unreadable() []Unreadable {
	return s.cache().state.Load().allUnreadable
}
