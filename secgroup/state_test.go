package secgroup_test

import (
	"maps"
	"net/netip"

	"github.com/ringfence/ringfence/secgroup"
)

// state is what a Snapshot is asked, in comparable form.
type state struct {
	Effective   map[string][]secgroup.Effective
	Domains     map[string]string
	Members     map[secgroup.GroupRef][]secgroup.Member
	MemberNICs  map[secgroup.GroupRef][]string
	ByAddress   map[domainAddress][]string
	References  map[secgroup.GroupRef][]secgroup.RuleRef
	OfGroup     map[secgroup.GroupRef][]secgroup.Attachment
	OfNIC       map[string][]secgroup.Attachment
	OfInstance  map[secgroup.InstanceRef][]secgroup.Attachment
	NICs        []string
	ByNetwork   map[string][]string
	ByMAC       map[secgroup.MAC][]string
	ByAccount   map[string][]string
	ByInstance  map[secgroup.InstanceRef][]string
	Groups      map[string][]string
	Shared      map[string][]secgroup.GroupRef
	Instances   map[string][]string
	Names       map[string]string // account/name → id
	Default     map[string]string
	Accounts    []string
	Networks    []string
	Attachments int
}

// universe is every name that a history uses, so that absent ones are asked for too.
type universe struct {
	groups    map[secgroup.GroupRef]bool
	nics      map[string]bool
	instances map[secgroup.InstanceRef]bool
	networks  map[string]bool
	accounts  map[string]bool
	names     map[string]bool
	domains   map[string]bool
	hosts     map[netip.Addr]bool
	macs      map[secgroup.MAC]bool
}

func newUniverse() *universe {
	return &universe{
		map[secgroup.GroupRef]bool{}, map[string]bool{}, map[secgroup.InstanceRef]bool{}, map[string]bool{},
		map[string]bool{}, map[string]bool{}, map[string]bool{"": true}, map[netip.Addr]bool{}, map[secgroup.MAC]bool{},
	}
}

func (u *universe) add(changes []secgroup.Change) {
	for _, c := range changes {
		switch o := c.Object.(type) {
		case *secgroup.NIC:
			u.nics[o.ID], u.accounts[o.Account], u.networks[o.Network] = true, true, true
			if o.Instance != "" {
				u.instances[secgroup.InstanceRef{Account: o.Account, ID: o.Instance}] = true
			}
			u.macs[o.MAC] = true
			maps.Copy(u.hosts, naive.holds(nil, o))
		case *secgroup.Group:
			u.groups[o.GroupRef], u.accounts[o.Account], u.names[o.Name] = true, true, true
			for _, s := range o.Shares {
				u.accounts[s.Account] = true
			}
			for _, r := range o.Rules {
				if r.RemoteGroup != (secgroup.GroupRef{}) {
					u.groups[r.RemoteGroup] = true
				}
			}
		case *secgroup.Attachment:
			u.groups[o.Group] = true
			if o.NIC != "" {
				u.nics[o.NIC] = true
			} else {
				u.instances[secgroup.InstanceRef{Account: o.Group.Account, ID: o.Instance}] = true
			}
		case *secgroup.Network:
			u.networks[o.ID], u.domains[o.RoutingDomain] = true, true
		case *secgroup.Instance:
			u.instances[o.InstanceRef], u.accounts[o.Account] = true, true
		}
	}
}

// domainAddress is a host address in a routing domain.
type domainAddress struct {
	Domain  string
	Address netip.Addr
}

// addresses yields every address in every domain.
func (u *universe) addresses(yield func(domainAddress) bool) {
	for d := range u.domains {
		for a := range u.hosts {
			if !yield(domainAddress{Domain: d, Address: a}) {
				return
			}
		}
	}
}

func newState() state {
	return state{
		Effective: map[string][]secgroup.Effective{}, Domains: map[string]string{},
		Members: map[secgroup.GroupRef][]secgroup.Member{}, MemberNICs: map[secgroup.GroupRef][]string{},
		ByAddress: map[domainAddress][]string{}, References: map[secgroup.GroupRef][]secgroup.RuleRef{},
		OfGroup: map[secgroup.GroupRef][]secgroup.Attachment{}, OfNIC: map[string][]secgroup.Attachment{},
		OfInstance: map[secgroup.InstanceRef][]secgroup.Attachment{},
		ByNetwork:  map[string][]string{}, ByMAC: map[secgroup.MAC][]string{}, ByAccount: map[string][]string{}, ByInstance: map[secgroup.InstanceRef][]string{},
		Groups: map[string][]string{}, Shared: map[string][]secgroup.GroupRef{}, Instances: map[string][]string{}, Names: map[string]string{}, Default: map[string]string{},
	}
}

// put adds values under a key; a key without values is not there.
func put[K comparable, V any](m map[K][]V, k K, v ...V) {
	if len(v) > 0 {
		m[k] = append(m[k], v...)
	}
}

func ids(nics []*secgroup.NIC) []string {
	var ids []string
	for _, n := range nics {
		ids = append(ids, n.ID)
	}
	return ids
}

// asked is the state of a Snapshot by its own answers.
func asked(s *secgroup.Snapshot, u *universe) state {
	st := newState()
	for id := range u.nics {
		if n := s.NIC(id); n != nil {
			put(st.Effective, id, s.EffectiveGroups(n)...)
			st.Domains[id] = s.Domain(n)
		}
		put(st.OfNIC, id, s.AttachmentsOfNIC(id)...)
	}
	for g := range u.groups {
		put(st.Members, g, s.Members(g)...)
		put(st.MemberNICs, g, ids(s.MemberNICs(g))...)
		put(st.References, g, s.RulesReferencing(g)...)
		put(st.OfGroup, g, s.AttachmentsOfGroup(g)...)
	}
	for at := range u.addresses {
		put(st.ByAddress, at, ids(s.NICsByAddress(at.Domain, at.Address))...)
	}
	for i := range u.instances {
		put(st.OfInstance, i, s.AttachmentsOfInstance(i)...)
		put(st.ByInstance, i, ids(s.NICsOfInstance(i))...)
	}
	for n := range u.networks {
		put(st.ByNetwork, n, ids(s.NICsOfNetwork(n))...)
	}
	for m := range u.macs {
		put(st.ByMAC, m, ids(s.NICsByMAC(m))...)
	}
	for a := range u.accounts {
		put(st.ByAccount, a, ids(s.NICsOfAccount(a))...)
		for _, g := range s.Groups(a) {
			put(st.Groups, a, g.ID)
		}
		for _, g := range s.SharedWith(a) {
			put(st.Shared, a, g.GroupRef)
		}
		for _, i := range s.Instances(a) {
			put(st.Instances, a, i.ID)
		}
		if d := s.DefaultGroup(a); d != nil {
			st.Default[a] = d.ID
		}
		for name := range u.names {
			if g := s.GroupByName(a, name); g != nil {
				st.Names[a+"/"+name] = g.ID
			}
		}
	}
	st.NICs = ids(s.NICs())
	for _, a := range s.Accounts() {
		st.Accounts = append(st.Accounts, a.ID)
	}
	for _, n := range s.Networks() {
		st.Networks = append(st.Networks, n.ID)
	}
	for _, of := range st.OfGroup {
		st.Attachments += len(of)
	}
	return st
}
