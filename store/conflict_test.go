package store

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ringfence/ringfence/secgroup"
)

// named is a rule for the traffic of a remote group.
func named(id string, remote secgroup.GroupRef) secgroup.Rule {
	r := rule(id)
	r.RemoteGroup = remote
	return r
}

func drop(keys ...secgroup.Key) func(*snapshot) (changes, error) {
	return func(*snapshot) (changes, error) {
		var all changes
		for _, k := range keys {
			all = append(all, secgroup.Delete(k))
		}
		return all, nil
	}
}

func listing(g *secgroup.Group, networks ...string) *secgroup.Group {
	g.NetworkScope, g.Networks = secgroup.ScopeListed, networks
	return g
}

// TestWhatMayRace makes two stores write at once, the second one while the
// first one plans: where what the first plan saw is no longer true, it must
// plan again; where the two have nothing in common, neither is held up.
func TestWhatMayRace(t *testing.T) {
	attach := &secgroup.Attachment{Group: groupRef("a", "g"), NIC: "nic-a"}
	elsewhere := network("n1", "10.0.0.0/16")
	elsewhere.RoutingDomain = "lab"
	tagged := network("n1")
	tagged.VLAN = 7
	like := func(n *secgroup.NIC, id string) *secgroup.NIC { // with the MAC of that one
		n.MAC = nic(id, "", "").MAC
		return n
	}
	pairs := []struct {
		name     string
		one, two func(*snapshot) (changes, error)
		conflict bool
	}{
		{"two rules into one group", put(group("a", "g", rule("r1"))), put(group("a", "g", rule("r2"))), true},
		{"two groups of one account, which might have one name", put(group("a", "new1")), put(group("a", "new2")), true},
		{"a group is deleted, something is attached to it", drop(secgroup.GroupKey(groupRef("a", "g"))), put(attach), true},
		{"a group is deleted, a rule begins to name it", drop(secgroup.GroupKey(groupRef("a", "g"))), put(group("a", "h", named("r", groupRef("a", "g")))), true},
		{"a group is deleted, another account's rule begins to name it", drop(secgroup.GroupKey(groupRef("a", "g"))), put(group("b", "h", named("r", groupRef("a", "g")))), true},
		{"a NIC is deleted, a group is attached to it", drop(secgroup.NICKey("nic-a")), put(attach), true},
		{"an instance is deleted, a NIC is put into it", drop(secgroup.InstanceKey(secgroup.InstanceRef{Account: "a", ID: "vm"})), put(&secgroup.NIC{ID: "x", Account: "a", Instance: "vm", Network: "n1"}), true},
		{"an account's settings change, a group is made", put(&secgroup.Account{ID: "a", EgressOpenGuard: secgroup.GuardBlock}), put(group("a", "new")), true},
		{"a network changes, a NIC is put into it", put(network("n1", "10.0.0.0/8")), put(nic("x", "a", "n1", "10.0.0.9")), true},
		{"a network moves to another domain, a NIC is put into it", put(elsewhere), put(nic("x", "a", "n1", "10.0.0.9")), true},
		{"a network is deleted, a NIC is put into it", drop(secgroup.NetworkKey("n2")), put(nic("x", "a", "n2", "10.0.0.9")), true},
		{"a network is deleted, a group lists it", drop(secgroup.NetworkKey("n2")), put(listing(group("a", "new"), "n2")), true},
		{"two networks, whose prefixes might overlap", put(network("n3")), put(network("n4")), true},
		{"NICs of two accounts take one address", put(nic("x", "a", "n1", "10.0.0.9")), put(nic("y", "b", "n1", "10.0.0.9")), true},
		{"NICs of two accounts in two networks of one domain take one address", put(nic("x", "a", "n1", "10.0.0.9")), put(nic("y", "b", "n2", "10.0.0.9")), true},
		{"NICs of two accounts take one MAC", put(like(nic("x", "a", "n1"), "mac")), put(like(nic("y", "b", "n1"), "mac")), true},
		{"NICs of two accounts in two networks of one segment take one MAC", put(like(nic("x", "a", "n1"), "mac")), put(like(nic("y", "b", "n2"), "mac")), true},
		{"a network moves to a segment, a NIC comes to it in another", put(tagged), put(nic("y", "b", "vlan7")), true},
		{"NICs of two accounts have one id", put(nic("x", "a", "n1")), put(nic("x", "b", "n1")), true},
		{"two baselines", put(&secgroup.Baseline{}), put(&secgroup.Baseline{}), true},

		{"NICs of two accounts in one network", put(nic("x", "a", "n1", "10.0.0.9")), put(nic("y", "b", "n1", "10.0.0.10")), false},
		{"NICs of two accounts, one address in two domains", put(nic("x", "a", "n1", "10.0.0.9")), put(nic("y", "b", "other", "10.0.0.9")), false},
		{"a network moves to a segment, a NIC there gets another address", put(tagged), put(nic("nic-7", "b", "vlan7", "10.7.0.9")), false},
		{"a network moves to a segment, a NIC comes to another", put(tagged), put(nic("y", "b", "other")), false},
		{"groups of two accounts", put(group("a", "new")), put(group("b", "new")), false},
		{"a NIC in one network, another network changes", put(nic("x", "a", "n1", "10.0.0.9")), put(network("n2", "10.9.0.0/16")), false},
		{"a group and the baseline", put(group("a", "new")), put(&secgroup.Baseline{}), false},
		{"groups of two accounts list one network", put(listing(group("a", "new"), "n1")), put(listing(group("b", "new"), "n1")), false},
	}
	withEtcd(t, func(t *testing.T, e testEtcd) {
		for i, p := range pairs {
			for _, order := range []string{"", ", the other way round"} {
				t.Run(p.name+order, func(t *testing.T) {
					t.Parallel()
					cfg := e.config()
					cfg.Prefix = fmt.Sprintf("/race-%d%s/", i, order)
					one, two := open(t, cfg), open(t, cfg)
					other := network("other")
					other.RoutingDomain = "vpc:other"
					vlan7 := network("vlan7")
					vlan7.VLAN = 7
					mustUpdate(t, one, put(account("a"), account("b"), network("n1"), network("n2"), other, vlan7, nic("nic-a", "a", "n1", "10.0.0.1"), nic("nic-7", "b", "vlan7"),
						&secgroup.Instance{InstanceRef: secgroup.InstanceRef{Account: "a", ID: "vm"}}, group("a", "g"), group("a", "h"), group("b", "h")))
					first, second := p.one, p.two
					if order != "" {
						first, second = second, first
					}
					planned := 0
					mustUpdate(t, one, func(s *snapshot) (changes, error) {
						if planned++; planned == 1 {
							mustUpdate(t, two, second)
							return first(s)
						}
						return nil, nil
					})
					if conflict := planned > 1; conflict != p.conflict {
						t.Errorf("planned again = %v, want %v", conflict, p.conflict)
					}
				})
			}
		}
	})
}

// TestNoUpdateIsLost has writers of two stores add to one group at once.
func TestNoUpdateIsLost(t *testing.T) {
	const writers, each = 16, 5
	withEtcd(t, func(t *testing.T, e testEtcd) {
		stores := []*Store{open(t, e.config()), open(t, e.config())}
		mustUpdate(t, stores[0], put(account("a"), group("a", "g")))
		var wg sync.WaitGroup
		revs := make([][]int64, writers)
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					rev, err := stores[w%2].Update(within(t, time.Minute), func(s *snapshot) (changes, error) {
						g := *s.Group(groupRef("a", "g"))
						g.Rules = append(slices.Clone(g.Rules), rule(fmt.Sprintf("r%02d-%d", w, i)))
						return put(&g)(s)
					})
					if err != nil {
						t.Error(err)
					}
					revs[w] = append(revs[w], rev)
				}
			})
		}
		wg.Wait()
		all := slices.Concat(revs...)
		slices.Sort(all)
		if n := len(slices.Compact(all)); n != writers*each {
			t.Errorf("%d different revisions, want %d", n, writers*each)
		}
		rules := read(t, open(t, e.config()), func(s *snapshot) []secgroup.Rule { return s.Group(groupRef("a", "g")).Rules })
		if len(rules) != writers*each {
			t.Errorf("%d rules, want %d", len(rules), writers*each)
		}
		for w := range writers {
			for i := range each {
				id := fmt.Sprintf("r%02d-%d", w, i)
				at := slices.IndexFunc(rules, func(r secgroup.Rule) bool { return r.ID == id })
				if at < 0 || rules[at].Revision != revs[w][i] {
					t.Errorf("rule %s is at %d, want one of revision %d", id, at, revs[w][i])
				}
			}
		}
	})
}

// A group is not withdrawn from an account while that begins to use it: of a
// revocation and an attachment, or a rule, that are planned at once one fails.
func TestSharesRaceWithTheirUse(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s, other := open(t, e.config()), open(t, e.config())
		refused := errors.New("refused")
		shared := func(uses secgroup.Share) *secgroup.Group {
			g := group("owner", "g")
			g.Shares = []secgroup.Share{uses}
			return g
		}
		for round := range 12 {
			user := fmt.Sprint("user", round)
			nicID := fmt.Sprint("nic", round)
			mustUpdate(t, s, put(account("owner"), account(user), network("net"), shared(secgroup.Share{Account: user, Attach: true, Reference: true}), nic(nicID, user, "net")))
			var wg sync.WaitGroup
			var errs [2]error
			wg.Go(func() {
				_, errs[0] = s.Update(within(t, patience), func(snap *snapshot) (changes, error) {
					if len(snap.AttachmentsOfGroup(groupRef("owner", "g"))) > 0 || len(snap.RulesReferencing(groupRef("owner", "g"))) > 0 {
						return nil, refused
					}
					return changes{secgroup.Put(group("owner", "g"))}, nil
				})
			})
			wg.Go(func() {
				_, errs[1] = other.Update(within(t, patience), func(snap *snapshot) (changes, error) {
					if g := snap.Group(groupRef("owner", "g")); !g.Allows(user, secgroup.UseAttach) {
						return nil, refused
					}
					if round%2 == 0 {
						return changes{secgroup.Put(&secgroup.Attachment{Group: groupRef("owner", "g"), NIC: nicID, Holder: user})}, nil
					}
					r := rule("r")
					r.RemoteGroup = groupRef("owner", "g")
					return changes{secgroup.Put(group(user, "x", r))}, nil
				})
			})
			wg.Wait()
			if won := errs[0] == nil; won == (errs[1] == nil) || errs[0] != nil && !errors.Is(errs[0], refused) || errs[1] != nil && !errors.Is(errs[1], refused) {
				t.Errorf("round %d: revocation %v, use %v", round, errs[0], errs[1])
			}
			if errs[1] == nil { // undone for the next round
				mustUpdate(t, s, func(*snapshot) (changes, error) {
					return changes{secgroup.Delete(secgroup.AttachmentKey(secgroup.Attachment{Group: groupRef("owner", "g"), NIC: nicID})), secgroup.Put(group(user, "x"))}, nil
				})
			}
		}
	})
}
