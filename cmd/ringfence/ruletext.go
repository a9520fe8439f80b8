package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
)

var ruleHeader = []string{"ID", "DIRECTION", "FAMILY", "PROTOCOL", "PORTS", "PEER", "NOTES"}

// ruleWide are what -o wide shows besides.
var ruleWide = []string{"ORIGIN", "ENABLED", "REVISION"}

// ruleRows shows rules under ruleHeader, with the names of their remote groups.
func (t *tenant) ruleRows(rules []client.Rule) [][]cell {
	rows := make([][]cell, 0, len(rules))
	for _, r := range rules {
		notes := text(ruleNotes(r))
		if !r.Enabled || r.Inert != nil {
			notes.style = yellow
		}
		rows = append(rows, []cell{
			text(r.ID), text(r.Direction), text(r.Family), text(r.Protocol), text(ports(r)), text(t.peer(r)), notes,
			text(r.Origin), text(yesNo(r.Enabled).text), revisionCell(r.Revision),
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

// ports shows what a rule matches within its protocol: "443", "8000-8100",
// "type 8 code 0" or "all".
func ports(r client.Rule) string {
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
func (t *tenant) peer(r client.Rule) string {
	switch {
	case r.RemoteCIDR != nil && r.RemoteGroup != nil:
		return fmt.Sprintf("%s in group %s", *r.RemoteCIDR, t.groupName(*r.RemoteGroup))
	case r.RemoteGroup != nil:
		return "group " + t.groupName(*r.RemoteGroup)
	case r.RemoteCIDR != nil:
		return *r.RemoteCIDR
	default:
		return "any"
	}
}

// sentence says what a rule allows: "ingress tcp 443 from 10.0.0.0/8".
func (t *tenant) sentence(r client.Rule) string {
	what := r.Direction
	if r.Family != "any" {
		what += " " + r.Family
	}
	what += " " + r.Protocol
	if p := ports(r); p != "all" {
		what += " " + p
	}
	if r.Direction == "egress" {
		return what + " to " + t.peer(r)
	}
	return what + " from " + t.peer(r)
}
