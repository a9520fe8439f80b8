package session

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
)

// RuleHeader are the columns of rules.
var RuleHeader = []string{"ID", "DIRECTION", "FAMILY", "PROTOCOL", "PORTS", "PEER", "NOTES"}

// RuleWide are what -o wide shows besides.
var RuleWide = []string{"ORIGIN", "ENABLED", "REVISION"}

// RuleRows shows rules under RuleHeader, with the names of their remote groups.
func (t *Tenant) RuleRows(rules []client.Rule) [][]output.Cell {
	rows := make([][]output.Cell, 0, len(rules))
	for _, r := range rules {
		notes := output.Text(ruleNotes(r))
		if !r.Enabled || r.Inert != nil {
			notes.Style = output.Yellow
		}
		rows = append(rows, []output.Cell{
			output.Text(r.ID), output.Text(r.Direction), output.Text(r.Family), output.Text(r.Protocol), output.Text(Ports(r)), output.Text(t.peer(r)), notes,
			output.Text(r.Origin), output.Text(output.YesNo(r.Enabled).Text), output.RevisionCell(r.Revision),
		})
	}
	return rows
}

// ruleNotes says what else there is to know about a rule.
func ruleNotes(r client.Rule) string {
	var notes []string
	if !r.Enabled {
		notes = append(notes, "disabled")
	}
	if r.Inert != nil {
		notes = append(notes, "inert: "+*r.Inert)
	}
	if r.Origin == "default" {
		notes = append(notes, "default")
	}
	if r.Description != "" {
		notes = append(notes, r.Description)
	}
	return strings.Join(notes, "; ")
}

// Ports shows what a rule matches within its protocol: "443", "8000-8100",
// "type 8 code 0" or "all".
func Ports(r client.Rule) string {
	switch {
	case r.ICMPType != nil && r.ICMPCode != nil:
		return fmt.Sprintf("type %d code %d", *r.ICMPType, *r.ICMPCode)
	case r.ICMPType != nil:
		return fmt.Sprintf("type %d", *r.ICMPType)
	case r.PortMin == nil:
		return "all"
	case r.PortMax == nil || *r.PortMin == *r.PortMax:
		return strconv.Itoa(*r.PortMin)
	default:
		return fmt.Sprintf("%d-%d", *r.PortMin, *r.PortMax)
	}
}

// peer shows the other end of a rule. A cidr and a group mean the intersection.
func (t *Tenant) peer(r client.Rule) string {
	switch {
	case r.RemoteCIDR != nil && r.RemoteGroup != nil:
		return fmt.Sprintf("%s in group %s", *r.RemoteCIDR, t.GroupName(*r.RemoteGroup))
	case r.RemoteGroup != nil:
		return "group " + t.GroupName(*r.RemoteGroup)
	case r.RemoteCIDR != nil:
		return *r.RemoteCIDR
	default:
		return "any"
	}
}

// Sentence says what a rule allows: "ingress tcp 443 from 10.0.0.0/8".
func (t *Tenant) Sentence(r client.Rule) string {
	what := r.Direction
	if r.Family != "any" {
		what += " " + r.Family
	}
	what += " " + r.Protocol
	if p := Ports(r); p != "all" {
		what += " " + p
	}
	if r.Direction == "egress" {
		return what + " to " + t.peer(r)
	}
	return what + " from " + t.peer(r)
}
