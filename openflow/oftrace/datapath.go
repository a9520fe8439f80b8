package oftrace

import (
	"slices"
	"strings"
)

// bareActions are the datapath actions that stand without parentheses and are
// no ports: lib/odp-util.c, format_odp_action().
var bareActions = []string{"drop", "pop_vlan", "pop_mpls", "pop_eth", "ct_clear", "hash"}

// Outputs are the ports among the datapath actions of a pass.
func (p *Pass) Outputs() []string {
	var out []string
	if p.Failed != "" {
		return nil
	}
	for _, action := range splitActions(p.Datapath) {
		if inner, ok := strings.CutPrefix(action, "clone("); ok {
			nested := Pass{Datapath: strings.TrimSuffix(inner, ")")}
			out = append(out, nested.Outputs()...)
			continue
		}
		if action == "" || slices.Contains(bareActions, action) || strings.HasSuffix(action, ")") {
			continue
		}
		out = append(out, strings.Trim(action, `"`))
	}
	return out
}

// splitActions splits at the commas outside of parentheses and quotes.
func splitActions(s string) []string {
	var parts []string
	depth, from, quoted := 0, 0, false
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			parts = append(parts, s[from:i])
			from = i + 1
		}
	}
	return append(parts, s[from:])
}
