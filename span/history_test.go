package span

import (
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/secgroup"
)

// history is a random one of a policy and of what is plugged at some hosts.
type history struct {
	*policytest.Gen
	policy  *secgroup.Snapshot
	index   *Index
	plugged map[string]map[string]struct{}
	shares  map[string]*Share // by the deltas of every round
	late    map[string]*Share // by deltas that were merged
	backlog map[string]Delta
	rev     int64

	networks []*secgroup.Network // that the policy had first
}

var hostNames = []string{"h1", "h2", "h3", "h4"}

func newHistory(seed uint64) *history {
	g := policytest.Seeded(seed, policytest.Options{NICs: 14, Guard: true, Shares: seed%3 > 0})
	h := &history{
		Gen: g, policy: secgroup.NewSnapshot(), plugged: map[string]map[string]struct{}{}, rev: 1,
		shares: map[string]*Share{}, late: map[string]*Share{}, backlog: map[string]Delta{},
	}
	h.index = NewIndex(h.policy)
	h.index.Drop("nobody")
	for _, name := range hostNames {
		h.plugged[name], h.shares[name], h.late[name] = map[string]struct{}{}, NewShare(), NewShare()
		h.plug(name)
	}
	h.apply(g.Policy()...)
	h.networks = h.policy.Networks()
	return h
}

// apply makes one revision.
func (h *history) apply(changes ...secgroup.Change) map[string]Delta {
	h.rev++
	var touched secgroup.Touched
	h.policy, touched = h.policy.With(h.rev, changes)
	deltas := h.index.Apply(h.policy, touched)
	for name, d := range deltas {
		h.follow(name, d)
	}
	return deltas
}

func (h *history) follow(name string, d Delta) {
	h.shares[name].Apply(d)
	h.backlog[name] = Merge(h.backlog[name], d)
}

// plug plugs and unplugs NICs at a host at random; some may be at several.
func (h *history) plug(name string) {
	change := map[string]bool{}
	for _, n := range h.policy.NICs() {
		if draw := h.IntN(8); draw < 5 {
			change[n.ID] = draw < 2
		}
	}
	if h.IntN(4) == 0 {
		change[fmt.Sprint("nobody's-", h.IntN(3))] = true
	}
	for id := range h.plugged[name] { // of one that is deleted
		if h.policy.NIC(id) == nil && h.IntN(6) == 0 {
			change[id] = false
		}
	}
	for id, plugged := range change {
		if plugged {
			h.plugged[name][id] = struct{}{}
		} else {
			delete(h.plugged[name], id)
		}
	}
	h.follow(name, h.index.Plug(name, change))
}

// step draws what happens next: mostly a change that the API could make, or else
// one that a store can hold all the same.
func (h *history) step() (what string) {
	if gone := h.missing(); gone != nil { // the generator does not do without
		h.apply(secgroup.Put(gone))
		return "network back"
	}
	switch h.IntN(9) {
	case 0:
		name := hostNames[h.IntN(len(hostNames))]
		h.plug(name)
		return "plug at " + name
	case 1:
		what, changes := h.odd()
		h.apply(changes...)
		return what
	case 2: // several writes in one batch
		var all []secgroup.Change
		first, changes := h.Step(h.policy)
		all = append(all, changes...)
		second, changes := h.Step(h.policy)
		all = append(all, changes...)
		h.apply(all...)
		return first + " and " + second
	}
	what, changes := h.Step(h.policy)
	h.apply(changes...)
	return what
}

// odd draws a change that leaves gaps in the policy, or concerns hosts.
func (h *history) odd() (what string, changes []secgroup.Change) {
	group := func() *secgroup.Group {
		accounts := h.policy.Accounts()
		groups := h.policy.Groups(accounts[h.IntN(len(accounts))].ID)
		g := *groups[h.IntN(len(groups))]
		return &g
	}
	nics := h.policy.NICs()
	nic := *nics[h.IntN(len(nics))]
	switch h.IntN(8) {
	case 0:
		return "network deleted", []secgroup.Change{secgroup.Delete(secgroup.NetworkKey(nic.Network))}
	case 1:
		nic.Hosts = [][]string{nil, {"h1"}, {"h2", "h1"}, {"h3"}}[h.IntN(4)]
		return "hosts changed", []secgroup.Change{secgroup.Put(&nic)}
	case 2:
		g := group()
		g.Closed = !g.Closed
		return "group closed or opened", []secgroup.Change{secgroup.Put(g)}
	case 3:
		g := group()
		g.IsDefault = !g.IsDefault
		return "default group changed", []secgroup.Change{secgroup.Put(g)}
	case 4:
		return "attachment closed or opened", []secgroup.Change{secgroup.Put(&secgroup.Attachment{Group: group().GroupRef, NIC: nic.ID, Closed: h.IntN(2) == 0})}
	case 5:
		g := group()
		if others := h.policy.Groups(g.Account); len(others) < 3 {
			return "texts changed", []secgroup.Change{secgroup.Put(g)}
		}
		return "group deleted alone", []secgroup.Change{secgroup.Delete(g.Key())}
	case 6:
		g := group()
		g.Description, g.Tags, g.Revision = h.String(), map[string]string{"a": "b"}, h.rev
		return "texts changed", []secgroup.Change{secgroup.Put(g)}
	}
	g := group()
	return "group put as it is, attached", []secgroup.Change{
		secgroup.Put(&secgroup.Attachment{Group: g.GroupRef, NIC: nic.ID}), secgroup.Put(g),
	}
}

func (h *history) String() string { return fmt.Sprint("text ", h.IntN(100)) }

// missing returns a network that was deleted.
func (h *history) missing() *secgroup.Network {
	for _, n := range h.networks {
		if h.policy.Network(n.ID) == nil {
			return n
		}
	}
	return nil
}

// TestDeltasLeadWhereSpanDoes: whatever happens to the policy and to what is
// plugged, each host's share is what Span makes of the policy, also if deltas were
// merged on their way. No delta is for a host whose share stays as it was.
func TestDeltasLeadWhereSpanDoes(t *testing.T) {
	t.Parallel()
	for seed := range uint64(24) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			h := newHistory(seed)
			for i := range 80 {
				before := map[string]*Share{}
				for _, name := range hostNames {
					before[name] = Span(h.policy, name, maps.Keys(h.plugged[name]))
				}
				backlog := maps.Clone(h.backlog)
				what := h.step()
				for _, name := range hostNames {
					want := Span(h.policy, name, maps.Keys(h.plugged[name]))
					if diff := compare(want, h.shares[name]); diff != "" {
						t.Fatalf("step %d, %s: the share of %s, -Span +deltas:\n%s", i, what, name, diff)
					}
					told := !reflect.DeepEqual(h.backlog[name], backlog[name])
					if diff := h.handedOut(name); diff != "" {
						t.Fatalf("step %d, %s: the share of %s handed out anew, -deltas +full:\n%s", i, what, name, diff)
					}
					if told && reflect.DeepEqual(before[name], want) {
						t.Errorf("step %d, %s: a delta for %s, whose share is as it was: %+v", i, what, name, h.backlog[name])
					}
					if h.IntN(5) == 0 {
						h.late[name].Apply(h.backlog[name])
						h.backlog[name] = Delta{}
						if diff := compare(want, h.late[name]); diff != "" {
							t.Fatalf("step %d, %s: the share of %s, -Span +merged deltas:\n%s", i, what, name, diff)
						}
					}
				}
			}
			h.empties(t)
		})
	}
}

// handedOut says how the share of a host, handed out anew, differs from the one that
// its deltas led to.
func (h *history) handedOut(name string) string {
	full, known := h.index.Full(name)
	if !known {
		return "nothing"
	}
	share := NewShare()
	share.Apply(full)
	if full.Weight() > h.index.Weight(name)+len(full.Members) {
		return fmt.Sprintf("%d things, more than the %d that the index counts", full.Weight(), h.index.Weight(name))
	}
	return compare(h.shares[name], share)
}

// empties holds an index to holding nothing that no host needs.
func (h *history) empties(t *testing.T) {
	t.Helper()
	for _, name := range hostNames {
		none := map[string]bool{}
		for id := range h.plugged[name] {
			none[id] = false
		}
		if h.IntN(2) == 0 {
			h.index.Drop(name)
		} else {
			h.index.Plug(name, none)
		}
	}
	x := h.index
	if left := len(x.plugs) + len(x.networks) + len(x.groups) + len(x.remotes) + len(x.members); left > 0 {
		t.Errorf("with nothing plugged the index still has %d plugs, %d networks, %d groups, %d remotes and %d members",
			len(x.plugs), len(x.networks), len(x.groups), len(x.remotes), len(x.members))
	}
	for _, host := range x.hosts {
		if left := len(host.nics) + len(host.networks) + len(host.domains) + len(host.groups) + len(host.remotes); left > 0 {
			t.Errorf("with nothing plugged the index still has of a host %+v", host)
		}
	}
}

// compare says how two values differ, "" for not at all.
func compare(a, b any) string {
	if reflect.DeepEqual(a, b) {
		return ""
	}
	return cmp.Diff(a, b, cmp.Comparer(func(x, y secgroup.Rule) bool { return x == y }), cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty())
}
