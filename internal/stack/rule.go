package stack

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/client"
)

// ParseRule reads a rule as people say it:
//
//	ingress tcp 80 from any
//	ingress ipv6 tcp 8000-8010 from web
//	egress udp to 10.0.0.0/24 and web
//	ingress ipv4 icmp 8/0 from any
//	ingress 47 from web disabled
//
// The protocol is all, tcp, udp, icmp or a number; ports or the type and code
// may follow. The remote is any, a prefix, a group's id, or both with "and".
func ParseRule(text string) (client.RuleSpec, error) {
	spec, err := parseRule(strings.Fields(text))
	if err != nil {
		return spec, fmt.Errorf("rule %q: %w", text, err)
	}
	return spec, nil
}

func parseRule(words []string) (spec client.RuleSpec, err error) {
	next := func() string {
		if len(words) == 0 {
			return ""
		}
		w := words[0]
		words = words[1:]
		return w
	}
	peer := map[string]string{"ingress": "from", "egress": "to"}
	spec.Direction = next()
	if peer[spec.Direction] == "" {
		return spec, fmt.Errorf("%q is neither ingress nor egress", spec.Direction)
	}
	spec.Protocol = next()
	if spec.Protocol == "ipv4" || spec.Protocol == "ipv6" {
		spec.Family, spec.Protocol = spec.Protocol, next()
	}
	word := next()
	if word != peer[spec.Direction] {
		if err := parseService(&spec, word); err != nil {
			return spec, err
		}
		word = next()
	}
	if word != peer[spec.Direction] {
		return spec, fmt.Errorf("%q where %q is expected", word, peer[spec.Direction])
	}
	for more := true; more; {
		switch word := next(); {
		case word == "":
			return spec, fmt.Errorf("no remote")
		case word == "any":
		case strings.Contains(word, "/"):
			spec.RemoteCIDR = &word
		default:
			spec.RemoteGroup = &word
		}
		more = len(words) > 0 && words[0] == "and"
		if more {
			next()
		}
	}
	switch word := next(); word {
	case "":
	case "disabled":
		off := false
		spec.Enabled = &off
	default:
		return spec, fmt.Errorf("%q at the end", word)
	}
	return spec, nil
}

// parseService reads "80", "80-90" or, for ICMP, "8" or "8/0".
func parseService(spec *client.RuleSpec, text string) error {
	sep, low, high := "-", &spec.PortMin, &spec.PortMax
	if spec.Protocol == "icmp" {
		sep, low, high = "/", &spec.ICMPType, &spec.ICMPCode
	}
	first, second, both := strings.Cut(text, sep)
	n, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	*low = &n
	if !both {
		return nil
	}
	m, err := strconv.Atoi(second)
	if err != nil {
		return err
	}
	*high = &m
	return nil
}
