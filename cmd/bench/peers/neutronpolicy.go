package main

import (
	"github.com/ringfence/ringfence/internal/workload"
	"github.com/ringfence/ringfence/secgroup"
)

// A policy in the words of Neutron's server. There is IPv4 alone.

// neutronPolicy are the arguments of the program's request "write".
func neutronPolicy(w workload.Load) map[string]any {
	rules, members, ports := map[string][]any{}, map[string][]any{}, map[string]any{}
	for _, g := range w.Groups {
		for _, r := range g.Rules {
			rules[g.ID] = append(rules[g.ID], neutronRule(r))
		}
	}
	for _, p := range w.Ports {
		var groups []string
		for _, g := range p.Groups {
			id := workload.GroupID(g)
			groups = append(groups, id)
			members[id] = append(members[id], neutronMember(p))
		}
		ports[p.ID] = map[string]any{"mac": p.MAC.String(), "address": p.Address.String(), "groups": groups}
	}
	for _, m := range w.Members {
		id := workload.GroupID(m.Groups[0])
		members[id] = append(members[id], neutronMember(m))
	}
	return map[string]any{"rules": rules, "members": members, "ports": ports}
}

// neutronRule is a rule as agents are told it.
func neutronRule(r secgroup.Rule) map[string]any {
	rule := map[string]any{"direction": string(r.Direction), "ethertype": "IPv4"}
	if r.Protocol != secgroup.ProtocolAll {
		rule["protocol"] = string(r.Protocol)
	}
	if r.PortMin != 0 {
		rule["port_range_min"], rule["port_range_max"] = r.PortMin, r.PortMax
	}
	if r.RemoteGroup.ID != "" {
		rule["remote_group_id"] = r.RemoteGroup.ID
	}
	if r.RemoteCIDR.IsValid() {
		prefix := "source_ip_prefix"
		if r.Direction == secgroup.Egress {
			prefix = "dest_ip_prefix"
		}
		rule[prefix] = r.RemoteCIDR.String()
	}
	return rule
}

func neutronMembers(endpoints []workload.Endpoint) (all []any) {
	for _, e := range endpoints {
		all = append(all, neutronMember(e))
	}
	return all
}

// neutronMember is an address with its MAC.
func neutronMember(e workload.Endpoint) any { return []string{e.Address.String(), e.MAC.String()} }
