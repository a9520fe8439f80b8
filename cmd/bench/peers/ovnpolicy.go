package main

import (
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/cmd/bench/internal/ovnproc"
	"github.com/ringfence/ringfence/internal/workload"
	"github.com/ringfence/ringfence/secgroup"
)

// A policy in OVN's words: a group is a port group with the host's ports, and an address set of
// its id with the addresses of all its members. Members elsewhere as logical ports, which is how
// OpenStack has them, would be dearer. There is IPv4 alone.

// Priorities of ACLs: what is allowed outdoes what is denied.
const (
	denied  = 1001
	allowed = 1002
)

// allPorts is the port group of all that is denied what no rule allows.
const allPorts = "all"

// insert makes a row that other operations of the transaction name by id.
func insert(table, id string, row map[string]any) ovnproc.Operation {
	o := ovnproc.Operation{"op": "insert", "table": table, "row": row}
	if id != "" {
		o["uuid-name"] = id
	}
	return o
}

// mutate inserts a value into a column of the row of that name, or deletes it from there.
func mutate(table, name, column, how string, value any) ovnproc.Operation {
	return ovnproc.Operation{"op": "mutate", "table": table, "where": named(name), "mutations": []any{[]any{column, how, set(value)}}}
}

// named is the condition for the row of that name.
func named(name string) []any { return []any{[]any{"name", "==", name}} }

// set is a value of a column that has several.
func set(values ...any) []any {
	if values == nil {
		values = []any{}
	}
	return []any{"set", values}
}

// made names a row that the same transaction inserts.
func made(id string) any { return []any{"named-uuid", id} }

// ovnPolicy makes all of a workload in one transaction.
func ovnPolicy(w workload.Load) (operations []ovnproc.Operation) {
	add := func(o ovnproc.Operation) { operations = append(operations, o) }
	members, ports := map[string][]any{}, map[string][]any{}
	var all []any
	for _, p := range w.Ports {
		row, address := "port_"+p.ID, p.MAC.String()+" "+p.Address.String()
		add(insert("Logical_Switch_Port", row, map[string]any{"name": p.ID, "addresses": address, "port_security": address}))
		all = append(all, made(row))
		for _, g := range p.Groups {
			id := workload.GroupID(g)
			members[id], ports[id] = append(members[id], p.Address.String()), append(ports[id], made(row))
		}
	}
	for _, m := range w.Members {
		id := workload.GroupID(m.Groups[0])
		members[id] = append(members[id], m.Address.String())
	}
	add(insert("Logical_Switch", "", map[string]any{"name": workload.Network, "ports": set(all...)}))
	add(acl("deny_in", "to-lport", denied, "outport == @"+allPorts+" && ip", "drop"))
	add(acl("deny_out", "from-lport", denied, "inport == @"+allPorts+" && ip", "drop"))
	add(insert("Port_Group", "", map[string]any{"name": allPorts, "ports": set(all...), "acls": set(made("deny_in"), made("deny_out"))}))
	for _, g := range w.Groups {
		var acls []any
		for _, r := range g.Rules {
			row := g.ID + "_" + r.ID
			add(ruleACL(row, g.ID, r))
			acls = append(acls, made(row))
		}
		add(insert("Port_Group", "", map[string]any{"name": g.ID, "ports": set(ports[g.ID]...), "acls": set(acls...)}))
		add(addressSet(g.ID, members[g.ID]))
	}
	return operations
}

func addressSet(id string, addresses []any) ovnproc.Operation {
	return insert("Address_Set", "", map[string]any{"name": id, "addresses": set(addresses...)})
}

func acl(row, direction string, priority int, match, action string) ovnproc.Operation {
	return insert("ACL", row, map[string]any{"direction": direction, "priority": priority, "match": match, "action": action})
}

// ruleACL is a rule of a group.
func ruleACL(row, group string, r secgroup.Rule) ovnproc.Operation {
	direction := "to-lport"
	if r.Direction == secgroup.Egress {
		direction = "from-lport"
	}
	return acl(row, direction, allowed, ovnMatch(group, r), "allow-related")
}

// ovnMatch are the packets that a rule of a group lets in or out.
func ovnMatch(group string, r secgroup.Rule) string {
	port, peer := "outport", "ip4.src"
	if r.Direction == secgroup.Egress {
		port, peer = "inport", "ip4.dst"
	}
	terms := []string{port + " == @" + group, "ip4"}
	if r.RemoteGroup.ID != "" {
		terms = append(terms, peer+" == $"+r.RemoteGroup.ID)
	}
	if r.RemoteCIDR.IsValid() {
		terms = append(terms, fmt.Sprintf("%s == %s", peer, r.RemoteCIDR))
	}
	switch r.Protocol {
	case secgroup.ProtocolAll:
	case secgroup.ProtocolICMP:
		terms = append(terms, "icmp4")
	default:
		terms = append(terms, string(r.Protocol))
	}
	switch r.PortMin {
	case 0:
	case r.PortMax:
		terms = append(terms, fmt.Sprintf("%s.dst == %d", r.Protocol, r.PortMin))
	default:
		terms = append(terms, fmt.Sprintf("%[1]s.dst >= %[2]d && %[1]s.dst <= %[3]d", r.Protocol, r.PortMin, r.PortMax))
	}
	return strings.Join(terms, " && ")
}
