package main

import (
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
)

// ruleFlags are the flags that say what a rule allows.
type ruleFlags struct {
	Ingress     bool    `xor:"direction" help:"Towards the VM. Implied by --from-…."`
	Egress      bool    `xor:"direction" help:"From the VM. Implied by --to-…."`
	Proto       string  `placeholder:"PROTO" complete:"proto" help:"all, tcp, udp, icmp or an IP protocol number."`
	Port        string  `placeholder:"N|N-M" help:"Destination port or range of ports, for tcp and udp."`
	Family      string  `enum:"any,ipv4,ipv6," default:"" placeholder:"FAMILY" help:"any, ipv4 or ipv6; else the cidr's."`
	ICMPType    *int    `name:"icmp-type" placeholder:"0-255" help:"ICMP type; -1 = all."`
	ICMPCode    *int    `name:"icmp-code" placeholder:"0-255" help:"ICMP code; -1 = all."`
	FromCIDR    string  `name:"from-cidr" xor:"cidr" placeholder:"CIDR" help:"Ingress from these addresses."`
	FromGroup   string  `xor:"peer" complete:"group" placeholder:"GROUP" help:"Ingress from the members of a group, by name or id."`
	ToCIDR      string  `name:"to-cidr" xor:"cidr" placeholder:"CIDR" help:"Egress to these addresses."`
	ToGroup     string  `xor:"peer" complete:"group" placeholder:"GROUP" help:"Egress to the members of a group, by name or id."`
	Description *string `help:"What the rule is for."`
	Disable     bool    `xor:"enabled" help:"Keep the rule, but out of force."`
}

func (f *ruleFlags) bodyFlags() flagNames {
	cidr, group := "--from-cidr", "--from-group"
	if f.ToCIDR != "" || f.Egress {
		cidr = "--to-cidr"
	}
	if f.ToGroup != "" || f.Egress {
		group = "--to-group"
	}
	return flagNames{
		"/direction": "--ingress or --egress", "/protocol": "--proto", "/port_min": "--port", "/port_max": "--port",
		"/family": "--family", "/icmp_type": "--icmp-type", "/icmp_code": "--icmp-code",
		"/remote_cidr": cidr, "/remote_group": group, "/description": "--description", "/enabled": "--disable",
	}
}

// direction is what the flags say or imply; "" if they do not.
func (f *ruleFlags) direction() (string, error) {
	from, to := f.FromCIDR != "" || f.FromGroup != "", f.ToCIDR != "" || f.ToGroup != ""
	switch {
	case from && to:
		return "", usageError("--from-… is for ingress rules and --to-… for egress rules: a rule is one of them")
	case from && f.Egress:
		return "", usageError("an egress rule has --to-cidr and --to-group, not --from-…")
	case to && f.Ingress:
		return "", usageError("an ingress rule has --from-cidr and --from-group, not --to-…")
	case from || f.Ingress:
		return "ingress", nil
	case to || f.Egress:
		return "egress", nil
	default:
		return "", nil
	}
}

// ports reads "443" or "8000-8100"; whether they are allowed is the API's to say.
func (f *ruleFlags) ports() (lo, hi *int, err error) {
	if f.Port == "" {
		return nil, nil, nil
	}
	first, last, isRange := strings.Cut(f.Port, "-")
	a, err := strconv.Atoi(first)
	if err != nil {
		return nil, nil, usageError("--port: " + strconv.Quote(f.Port) + " is neither a port nor a range such as 8000-8100")
	}
	b := a
	if isRange {
		if b, err = strconv.Atoi(last); err != nil {
			return nil, nil, usageError("--port: " + strconv.Quote(f.Port) + " is neither a port nor a range such as 8000-8100")
		}
	}
	return &a, &b, nil
}

// remoteGroup resolves --from-group or --to-group; nil if there is none.
func (f *ruleFlags) remoteGroup(t *tenant) (*string, error) {
	ref := f.FromGroup + f.ToGroup // at most one of them
	if ref == "" {
		return nil, nil
	}
	id, err := t.groupID(ref)
	if client.IsNotFound(err) {
		flag := f.bodyFlags()["/remote_group"]
		return nil, usageError(flag + ": account " + t.account + " has no group with the name or id " + strconv.Quote(ref))
	}
	return &id, err
}

// spec makes a new rule of the flags.
func (f *ruleFlags) spec(t *tenant) (client.RuleSpec, error) {
	direction, err := f.direction()
	if err != nil {
		return client.RuleSpec{}, err
	}
	if direction == "" {
		return client.RuleSpec{}, usageError("which direction? Give --ingress or --egress, or say the peer with --from-… or --to-…")
	}
	spec := client.RuleSpec{
		Direction: direction, Family: f.Family, Protocol: f.Proto, ICMPType: f.ICMPType, ICMPCode: f.ICMPCode, Description: deref(f.Description),
	}
	if spec.Protocol == "" {
		spec.Protocol = "all"
	}
	if spec.PortMin, spec.PortMax, err = f.ports(); err != nil {
		return spec, err
	}
	if cidr := f.FromCIDR + f.ToCIDR; cidr != "" {
		spec.RemoteCIDR = &cidr
	}
	if spec.RemoteGroup, err = f.remoteGroup(t); err != nil {
		return spec, err
	}
	if f.Disable {
		enabled := false
		spec.Enabled = &enabled
	}
	return spec, nil
}

// patch makes a JSON Merge Patch of the flags that were given.
func (f *ruleFlags) patch(t *tenant) (map[string]any, error) {
	p := map[string]any{}
	direction, err := f.direction()
	if err != nil {
		return nil, err
	}
	for field, value := range map[string]string{
		"direction": direction, "family": f.Family, "protocol": f.Proto, "remote_cidr": f.FromCIDR + f.ToCIDR,
	} {
		if value != "" {
			p[field] = value
		}
	}
	lo, hi, err := f.ports()
	if err != nil {
		return nil, err
	}
	group, err := f.remoteGroup(t)
	if err != nil {
		return nil, err
	}
	for field, value := range map[string]*int{"port_min": lo, "port_max": hi, "icmp_type": f.ICMPType, "icmp_code": f.ICMPCode} {
		if value != nil {
			p[field] = *value
		}
	}
	if group != nil {
		p["remote_group"] = *group
	}
	if f.Description != nil {
		p["description"] = *f.Description
	}
	if f.Disable {
		p["enabled"] = false
	}
	return p, nil
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
