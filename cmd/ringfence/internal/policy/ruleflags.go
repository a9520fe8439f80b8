package policy

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// ruleFlags are the flags that say what a rule allows.
type ruleFlags struct {
	Ingress     bool    `xor:"direction" help:"Towards the VM. Implied by --from-…."`
	Egress      bool    `xor:"direction" help:"From the VM. Implied by --to-…."`
	Proto       string  `aliases:"protocol" placeholder:"PROTO" complete:"proto" help:"all, tcp, udp, icmp or an IP protocol number."`
	Port        string  `aliases:"dst-port" placeholder:"N|N-M" help:"Destination port or range of ports, for tcp and udp."`
	Family      Family  `aliases:"ethertype" placeholder:"FAMILY" complete:"family" help:"any, ipv4 or ipv6; else the cidr's."`
	ICMPType    *int    `name:"icmp-type" placeholder:"0-255" help:"ICMP type; -1 = all."`
	ICMPCode    *int    `name:"icmp-code" placeholder:"0-255" help:"ICMP code; -1 = all."`
	FromCIDR    string  `name:"from-cidr" xor:"cidr" placeholder:"CIDR" help:"Ingress from these addresses."`
	FromGroup   string  `xor:"peer" complete:"group" placeholder:"GROUP" help:"Ingress from the members of a group, by name or id."`
	ToCIDR      string  `name:"to-cidr" xor:"cidr" placeholder:"CIDR" help:"Egress to these addresses."`
	ToGroup     string  `xor:"peer" complete:"group" placeholder:"GROUP" help:"Egress to the members of a group, by name or id."`
	Description *string `help:"What the rule is for."`

	Direction   string `hidden:"" enum:"ingress,egress," default:"" help:"As --ingress, --egress."`
	RemoteIP    string `name:"remote-ip" aliases:"remote-cidr,cidr" xor:"cidr" hidden:"" help:"As --from-cidr, --to-cidr."`
	RemoteGroup string `aliases:"source-group,remote-group-id" xor:"peer" complete:"group" hidden:"" help:"As --from-group, --to-group."`

	Disable bool `xor:"enabled" help:"Keep the rule, but out of force."`
}

func (f *ruleFlags) BodyFlags() failure.FlagNames {
	cidr, group := "--from-cidr", "--from-group"
	if f.ToCIDR != "" || f.Egress {
		cidr = "--to-cidr"
	}
	if f.ToGroup != "" || f.Egress {
		group = "--to-group"
	}
	if f.RemoteIP != "" {
		cidr = "--remote-ip"
	}
	if f.RemoteGroup != "" {
		group = "--remote-group"
	}
	return failure.FlagNames{
		"/direction": "--ingress or --egress", "/protocol": "--proto", "/port_min": "--port", "/port_max": "--port",
		"/family": "--family", "/icmp_type": "--icmp-type", "/icmp_code": "--icmp-code",
		"/remote_cidr": cidr, "/remote_group": group, "/description": "--description", "/enabled": "--disable",
	}
}

// direction is what the flags say or imply; "" if they do not.
func (f *ruleFlags) direction() (string, error) {
	ingress, egress := f.Ingress || f.Direction == "ingress", f.Egress || f.Direction == "egress"
	from, to := f.FromCIDR != "" || f.FromGroup != "", f.ToCIDR != "" || f.ToGroup != ""
	switch {
	case from && to:
		return "", failure.Usage("--from-… is for ingress rules and --to-… for egress rules: a rule is one of them")
	case ingress && egress:
		return "", failure.Usage("--direction says the opposite of --ingress or --egress")
	case from && egress:
		return "", failure.Usage("an egress rule has --to-cidr and --to-group, not --from-…")
	case to && ingress:
		return "", failure.Usage("an ingress rule has --from-cidr and --from-group, not --to-…")
	case from || ingress:
		return "ingress", nil
	case to || egress:
		return "egress", nil
	default:
		return "", nil
	}
}

// ports reads "443" or "8000-8100"; whether they are allowed is the API's to say.
// openstack has 8000:8100.
func (f *ruleFlags) ports() (lo, hi *int, err error) {
	if f.Port == "" {
		return nil, nil, nil
	}
	first, last, isRange := strings.Cut(strings.Replace(f.Port, ":", "-", 1), "-")
	if !isRange {
		last = first
	}
	a, err := strconv.Atoi(first)
	if err == nil {
		var b int
		if b, err = strconv.Atoi(last); err == nil {
			return &a, &b, nil
		}
	}
	if strings.Contains(f.Port, ",") {
		return nil, nil, failure.Usage("--port: " + strconv.Quote(f.Port) + ": a rule has one port or one range of ports; make a rule of each, at once by 'ringfence apply'")
	}
	return nil, nil, failure.Usage("--port: " + strconv.Quote(f.Port) + " is neither a port nor a range such as 8000-8100")
}

// cidr is that of the peer, "" if none is given.
func (f *ruleFlags) cidr() string { return f.FromCIDR + f.ToCIDR + f.RemoteIP } // at most one of them

// protocol is what the API calls it.
func (f *ruleFlags) protocol() string {
	if strings.EqualFold(f.Proto, "any") || f.Proto == "-1" { // openstack's and aws' words for all
		return "all"
	}
	return f.Proto
}

// Family is an address family, "" for what the cidr has. It may be written as
// openstack does: IPv4.
type Family string

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *Family) UnmarshalText(text []byte) error {
	switch *f = Family(strings.ToLower(string(text))); *f {
	case "", "any", "ipv4", "ipv6":
		return nil
	}
	return fmt.Errorf("must be one of any, ipv4 and ipv6 but got %q", text)
}

// remoteGroup resolves --from-group, --to-group or --remote-group; nil if there is none.
func (f *ruleFlags) remoteGroup(t *session.Tenant) (*string, error) {
	ref := f.FromGroup + f.ToGroup + f.RemoteGroup // at most one of them
	if ref == "" {
		return nil, nil
	}
	id, err := t.GroupID(ref)
	if client.IsNotFound(err) {
		flag := f.BodyFlags()["/remote_group"]
		return nil, failure.Usage(flag + ": account " + t.Account + " has no group with the name or id " + strconv.Quote(ref))
	}
	return &id, err
}

// spec makes a new rule of the flags.
func (f *ruleFlags) spec(t *session.Tenant) (client.RuleSpec, error) {
	direction, err := f.direction()
	if err == nil && direction == "" {
		err = failure.Usage("which direction? Give --ingress or --egress, or say the peer with --from-… or --to-…")
	}
	low, high, wrong := f.ports()
	if err := failure.All(err, wrong); err != nil {
		return client.RuleSpec{}, err
	}
	spec := client.RuleSpec{
		Direction: direction, PortMin: low, PortMax: high, Family: string(f.Family), Protocol: f.protocol(), ICMPType: f.ICMPType, ICMPCode: f.ICMPCode, Description: deref(f.Description),
	}
	if spec.Protocol == "" {
		spec.Protocol = "all"
	}
	if cidr := f.cidr(); cidr != "" {
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
func (f *ruleFlags) patch(t *session.Tenant) (map[string]any, error) {
	p := map[string]any{}
	direction, err := f.direction()
	if err != nil {
		return nil, err
	}
	for field, value := range map[string]string{
		"direction": direction, "family": string(f.Family), "protocol": f.protocol(), "remote_cidr": f.cidr(),
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
