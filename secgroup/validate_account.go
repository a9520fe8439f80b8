package secgroup

import (
	"cmp"
	"maps"
	"slices"
)

// Normalize fills in an account's default settings.
func (a *Account) Normalize() {
	a.EgressPolicyDefault = cmp.Or(a.EgressPolicyDefault, EgressAuto)
	a.EgressOpenGuard = cmp.Or(a.EgressOpenGuard, GuardAllow)
}

// Validate returns every fault of a normalised account.
func (a Account) Validate() Faults {
	var f Faults
	f.check(ValidID(a.ID), idDetail, "id")
	f.check(validPolicy(a.EgressPolicyDefault), policyDetail, "egress_policy_default")
	f.check(a.EgressOpenGuard == GuardAllow || a.EgressOpenGuard == GuardBlock, "egress_open_guard is allow or block", "egress_open_guard")
	for _, name := range slices.Sorted(maps.Keys(a.Quotas)) {
		if a.Quotas[name] < 0 {
			f.add(CodeOutOfRange, "a quota is 0 or more", "quotas", name)
		}
	}
	return f
}

// Normalize leaves an instance as it is: it has one form.
func (i *Instance) Normalize() {}

// Validate returns every fault of an instance. Its name may be empty.
func (i Instance) Validate() Faults {
	var f Faults
	f.check(ValidID(i.ID), idDetail, "id")
	f.check(ValidID(i.Account), idDetail, "account")
	f.check(printable(i.Name, 0, maxName), "name is at most 255 printable characters", "name")
	return f
}

// Normalize brings the addresses and protocols to their stored form.
func (b *Baseline) Normalize() {
	for i := range b.Addresses {
		a := &b.Addresses[i]
		a.Address = a.Address.Unmap()
		if p, err := ParseProtocol(string(a.Protocol)); err == nil {
			a.Protocol = p
		}
	}
}

// Validate returns every fault of a normalised baseline.
func (b Baseline) Validate() Faults {
	var f Faults
	for i, a := range b.Addresses {
		if detail := hostAddress(a.Address); detail != "" {
			f.add(CodeInvalidValue, detail, "addresses", i, "address")
		}
		f.check(a.Address == a.Address.Unmap(), "not in its stored form "+a.Address.Unmap().String(), "addresses", i, "address")
		f.check(a.Protocol.HasPorts(), "protocol is tcp or udp", "addresses", i, "protocol")
		if a.Port == 0 {
			f.add(CodeOutOfRange, "port is 1-65535", "addresses", i, "port")
		}
		f.check(description(a.Description), "description is at most 1024 characters of printable text", "addresses", i, "description")
		f.check(!slices.ContainsFunc(b.Addresses[:i], func(o BaselineAddress) bool {
			return o.Address == a.Address && o.Protocol == a.Protocol && o.Port == a.Port
		}), "there twice", "addresses", i)
	}
	return f
}
