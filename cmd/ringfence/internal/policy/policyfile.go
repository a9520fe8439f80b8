package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// policyFile is what export writes and apply reads: groups with all their
// rules. Groups are known by their names.
type policyFile struct {
	Groups []policyGroup `json:"groups" yaml:"groups"`

	source source
}

type policyGroup struct {
	Name         string            `json:"name" yaml:"name"`
	ID           string            `json:"id,omitempty" yaml:"id,omitempty"` // of a new group; the server's choice if empty
	Description  string            `json:"description,omitempty" yaml:"description,omitempty"`
	Tags         map[string]string `json:"tags,omitempty" yaml:"tags,omitempty"`
	EgressPolicy string            `json:"egress_policy,omitempty" yaml:"egress_policy,omitempty"`
	NetworkScope string            `json:"network_scope,omitempty" yaml:"network_scope,omitempty"`
	Networks     []string          `json:"networks,omitempty" yaml:"networks,omitempty"`
	Rules        []policyRule      `json:"rules" yaml:"rules"`
}

// policyRule is a rule. RemoteGroup is a name or an id.
type policyRule struct {
	Direction   string  `json:"direction" yaml:"direction"`
	Family      string  `json:"family,omitempty" yaml:"family,omitempty"`
	Protocol    any     `json:"protocol" yaml:"protocol"`
	PortMin     *int    `json:"port_min,omitempty" yaml:"port_min,omitempty"`
	PortMax     *int    `json:"port_max,omitempty" yaml:"port_max,omitempty"`
	ICMPType    *int    `json:"icmp_type,omitempty" yaml:"icmp_type,omitempty"`
	ICMPCode    *int    `json:"icmp_code,omitempty" yaml:"icmp_code,omitempty"`
	RemoteCIDR  *string `json:"remote_cidr,omitempty" yaml:"remote_cidr,omitempty"`
	RemoteGroup *string `json:"remote_group,omitempty" yaml:"remote_group,omitempty"`
	Description string  `json:"description,omitempty" yaml:"description,omitempty"`
	Enabled     *bool   `json:"enabled,omitempty" yaml:"enabled,omitempty"` // true unless given
}

// readPolicy reads a policy file, YAML or JSON; "-" is the standard input.
func readPolicy(path string, stdin io.Reader) (policyFile, error) {
	var f policyFile
	var text []byte
	var err error
	f.source.name = path
	if path == "-" {
		text, err = io.ReadAll(stdin)
	} else {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return f, err
	}
	f.source.text = text
	doc, err := yaml.YAMLToJSON(text)
	if err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	if err := f.source.checkGiven(doc); err != nil {
		return f, err
	}
	d := json.NewDecoder(bytes.NewReader(doc))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return f, fmt.Errorf("%s: %w", path, err)
	}
	seen := map[string]bool{}
	for i, g := range f.Groups {
		switch {
		case g.Name == "":
			return f, fmt.Errorf("%s: group %d has no name", path, i+1)
		case seen[g.Name]:
			return f, fmt.Errorf("%s: group %s is there twice", path, g.Name)
		}
		seen[g.Name] = true
	}
	if f.Groups == nil {
		return f, fmt.Errorf("%s: %w", path, errors.New("it has no groups"))
	}
	return f, nil
}

// checkGiven refuses a document in which a field is there without a value, as a template
// writes it whose variable is not set: a rule with an empty remote_group would be one for
// everybody, and an empty networks all networks. Texts may be empty.
func (s source) checkGiven(doc []byte) error {
	var all any
	if err := json.Unmarshal(doc, &all); err != nil {
		return err
	}
	return s.eachGiven(all, "")
}

func (s source) eachGiven(v any, at string) error {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			in := at + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
			if value := v[name]; value == nil || value == "" && name != "description" && !strings.HasSuffix(at, "/tags") {
				return fmt.Errorf("%s has no value: give it one, or leave it out", s.place(in))
			} else if err := s.eachGiven(value, in); err != nil {
				return err
			}
		}
	case []any:
		for i, item := range v {
			if err := s.eachGiven(item, fmt.Sprintf("%s/%d", at, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// exported is a group as a policy file has it.
func exported(t *session.Tenant, g client.Group) policyGroup {
	out := policyGroup{
		Name: g.Name, ID: g.ID, Description: g.Description, Tags: g.Tags, EgressPolicy: g.EgressPolicy, Networks: g.Networks, Rules: []policyRule{},
	}
	if g.NetworkScope == "listed" && len(g.Networks) == 0 {
		out.NetworkScope = g.NetworkScope
	}
	for _, r := range g.Rules {
		rule := policyRule{
			Direction: r.Direction, Family: r.Family, Protocol: r.Protocol, PortMin: r.PortMin, PortMax: r.PortMax,
			ICMPType: r.ICMPType, ICMPCode: r.ICMPCode, RemoteCIDR: r.RemoteCIDR, Description: r.Description,
		}
		if r.RemoteGroup != nil {
			name := t.GroupName(*r.RemoteGroup)
			rule.RemoteGroup = &name
		}
		if !r.Enabled {
			rule.Enabled = &r.Enabled
		}
		out.Rules = append(out.Rules, rule.normal())
	}
	return out.normal()
}

// normal writes a group as the API would answer it, without what goes without
// saying, so that two groups that are the same look the same.
func (g policyGroup) normal() policyGroup {
	g.EgressPolicy = strings.ToLower(g.EgressPolicy)
	if g.EgressPolicy == "auto" {
		g.EgressPolicy = ""
	}
	g.NetworkScope = strings.ToLower(g.NetworkScope)
	if g.NetworkScope == "any" || len(g.Networks) > 0 && g.NetworkScope == "listed" {
		g.NetworkScope = ""
	}
	if len(g.Tags) == 0 {
		g.Tags = nil
	}
	if len(g.Networks) == 0 {
		g.Networks = nil
	}
	return g
}

// normal is the same for a rule.
func (r policyRule) normal() policyRule {
	r.Direction, r.Family = strings.ToLower(r.Direction), strings.ToLower(r.Family)
	if n, ok := r.Protocol.(float64); ok {
		r.Protocol = fmt.Sprint(int(n))
	}
	name := strings.ToLower(fmt.Sprint(r.Protocol))
	if known := map[string]string{"6": "tcp", "17": "udp"}[name]; known != "" {
		name = known
	}
	r.Protocol = name
	for _, v := range []**int{&r.PortMin, &r.PortMax, &r.ICMPType, &r.ICMPCode} {
		if *v != nil && **v == -1 {
			*v = nil
		}
	}
	if r.PortMax != nil && r.PortMin != nil && *r.PortMax == *r.PortMin {
		r.PortMax = nil
	}
	family := "any"
	if r.RemoteCIDR != nil {
		if p, err := netip.ParsePrefix(*r.RemoteCIDR); err == nil {
			text := p.Masked().String()
			r.RemoteCIDR, family = &text, "ipv4"
			if p.Addr().Is6() {
				family = "ipv6"
			}
		}
	}
	if r.Family == family {
		r.Family = ""
	}
	if r.Enabled != nil && *r.Enabled {
		r.Enabled = nil
	}
	return r
}
