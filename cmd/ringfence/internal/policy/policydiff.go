package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// policyDiff is what has to be done for an account to be as a file says.
type policyDiff struct {
	ops   []client.Operation
	from  []string // where in the file the body of each comes from: a pointer, "" for none
	lines []diffLine
}

func (d *policyDiff) do(from string, op client.Operation) {
	d.ops, d.from = append(d.ops, op), append(d.from, from)
}

// diffLine is one line shown: "+ group web".
type diffLine struct {
	sign string // "+", "-", "~"
	text string
}

func (d *policyDiff) say(sign, format string, args ...any) {
	d.lines = append(d.lines, diffLine{sign, fmt.Sprintf(format, args...)})
}

// differ compares a file with the account's groups.
type differ struct {
	tenant  *session.Tenant
	found   policyDiff
	file    policyFile
	have    map[string]client.Group // by name
	newName map[string]string       // by the name of a group to be made: ${…}
}

// diff works out what has to be done. With prune, groups that the file does
// not have are deleted, the default one apart.
func diff(t *session.Tenant, file policyFile, groups []client.Group, prune bool) policyDiff {
	d := differ{tenant: t, file: file, have: map[string]client.Group{}, newName: map[string]string{}}
	for _, g := range groups {
		d.have[g.Name], t.Known[g.ID] = g, g
	}
	// First the groups that rules of others may name.
	for i, g := range file.Groups {
		if _, there := d.have[g.Name]; !there {
			d.newName[g.Name] = fmt.Sprint("g", i)
			d.make(g.normal(), fmt.Sprint("g", i), pointer(i))
		}
	}
	for i, g := range file.Groups {
		if old, there := d.have[g.Name]; there {
			d.change(old, g.normal(), pointer(i))
		} else {
			d.rules("${"+d.newName[g.Name]+"}", nil, g.Rules, "", pointer(i))
		}
	}
	if prune {
		d.prune(groups)
	}
	return d.found
}

// pointer is that to a group in the file.
func pointer(group int) string { return fmt.Sprintf("/groups/%d", group) }

// make adds a group without rules.
func (d *differ) make(g policyGroup, as, from string) {
	d.found.say("+", "group %s", g.Name)
	no := false
	op := client.Operation{As: as, Method: "POST", Path: "/security-groups", Body: client.GroupSpec{
		Name: g.Name, Description: g.Description, Tags: g.Tags, EgressPolicy: g.EgressPolicy, NetworkScope: g.NetworkScope, Networks: g.Networks, DefaultRules: &no,
	}}
	if g.ID != "" {
		op.Method, op.Path, op.IfNoneMatch = "PUT", "/security-groups/"+g.ID, "*"
	}
	d.found.do(from, op)
}

// change changes a group's properties and rules.
func (d *differ) change(old client.Group, g policyGroup, from string) {
	was := exported(d.tenant, old)
	patch := map[string]any{}
	note := func(name, from, to string, value any) {
		if from != to {
			patch[name] = value
			d.found.say("~", "group %s: %s %s → %s", g.Name, name, strconv.Quote(from), strconv.Quote(to))
		}
	}
	note("description", was.Description, g.Description, g.Description)
	note("egress_policy", orElse(was.EgressPolicy, "auto"), orElse(g.EgressPolicy, "auto"), orElse(g.EgressPolicy, "auto"))
	note("networks", scopeText(was), scopeText(g), list(g.Networks))
	if _, changed := patch["networks"]; changed {
		patch["network_scope"] = scopeOf(g)
	}
	tagPatch := map[string]any{}
	for k := range was.Tags {
		if _, kept := g.Tags[k]; !kept {
			tagPatch[k] = nil
		}
	}
	for k, v := range g.Tags {
		tagPatch[k] = v
	}
	note("tags", tags(was.Tags), tags(g.Tags), tagPatch)
	match := strconv.Quote(strconv.FormatInt(old.Revision, 10))
	if len(patch) > 0 {
		d.found.do(from, client.Operation{Method: "PATCH", Path: "/security-groups/" + old.ID, Body: patch, IfMatch: match})
		match = "" // it is another state from then on
	}
	d.rules(old.ID, was.Rules, g.Rules, match, from)
}

// rules replaces a group's rules if they are others.
func (d *differ) rules(id string, was, given []policyRule, match, from string) {
	count := map[string]int{}
	for _, r := range was {
		count[d.ruleText(r)]--
	}
	specs := []client.RuleSpec{}
	for _, r := range given {
		r = r.normal()
		count[d.ruleText(r)]++
		specs = append(specs, d.spec(r))
	}
	changed := false
	for _, text := range slices.Sorted(maps.Keys(count)) {
		switch n := count[text]; {
		case n > 0 && slices.ContainsFunc(was, func(r policyRule) bool { return d.ruleText(r) == text }):
			// twice in the file: one rule all the same
		case n > 0:
			d.found.say("+", "  %s", text)
			changed = true
		case n < 0:
			d.found.say("-", "  %s", text)
			changed = true
		}
	}
	if changed {
		d.found.do(from+"/rules", client.Operation{Method: "PUT", Path: "/security-groups/" + id + "/rules", Body: specs, IfMatch: match})
	}
}

// spec is a rule for the API, with ids instead of names.
func (d *differ) spec(r policyRule) client.RuleSpec {
	out := client.RuleSpec{
		Direction: r.Direction, Family: r.Family, Protocol: fmt.Sprint(r.Protocol), PortMin: r.PortMin, PortMax: r.PortMax,
		ICMPType: r.ICMPType, ICMPCode: r.ICMPCode, RemoteCIDR: r.RemoteCIDR, RemoteGroup: r.RemoteGroup, Description: r.Description, Enabled: r.Enabled,
	}
	if r.RemoteGroup != nil {
		id := *r.RemoteGroup
		if as := d.newName[id]; as != "" {
			id = "${" + as + "}"
		} else if g, there := d.have[id]; there {
			id = g.ID
		}
		out.RemoteGroup = &id
	}
	return out
}

// ruleText says what a rule allows. Two rules are the same if it is.
func (d *differ) ruleText(r policyRule) string {
	r = r.normal()
	peer := r.RemoteGroup
	if peer != nil {
		if g, byID := d.tenant.Known[*peer]; byID && g.Name != "" {
			peer = &g.Name
		}
		named := strings.Clone(*peer)
		peer = &named
	}
	rule := client.Rule{
		Direction: r.Direction, Family: orElse(r.Family, "any"), Protocol: fmt.Sprint(r.Protocol), PortMin: r.PortMin, PortMax: r.PortMax,
		ICMPType: r.ICMPType, ICMPCode: r.ICMPCode, RemoteCIDR: r.RemoteCIDR, Enabled: true,
	}
	text := d.tenant.Sentence(rule)
	if peer != nil {
		if r.RemoteCIDR != nil {
			text += " in group " + *peer
		} else {
			text = strings.TrimSuffix(text, "any") + "group " + *peer
		}
	}
	if r.Enabled != nil {
		text += " (disabled)"
	}
	if r.Description != "" {
		text += " " + strconv.Quote(r.Description)
	}
	return text
}

func (d *differ) prune(groups []client.Group) {
	for _, g := range groups {
		if !g.IsDefault && !slices.ContainsFunc(d.file.Groups, func(f policyGroup) bool { return f.Name == g.Name }) {
			d.found.say("-", "group %s", g.Name)
			// Without If-Match: an operation before may have taken rules of it away.
			d.found.do("", client.Operation{Method: "DELETE", Path: "/security-groups/" + g.ID + "?cascade=references"})
		}
	}
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// list is an empty array for nil, not null.
func list(s []string) json.RawMessage {
	if s == nil {
		s = []string{}
	}
	b, _ := json.Marshal(s) // strings
	return b
}

func scopeOf(g policyGroup) string {
	if len(g.Networks) > 0 || g.NetworkScope == "listed" {
		return "listed"
	}
	return "any"
}

func scopeText(g policyGroup) string {
	return scope(client.Group{NetworkScope: scopeOf(g), Networks: slices.Sorted(slices.Values(g.Networks))})
}
