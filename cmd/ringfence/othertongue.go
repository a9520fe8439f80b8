package main

import (
	"cmp"
	"strings"
)

// tongues are how commands of openstack and aws begin, and how they are said here.
var tongues = []struct{ begin, here string }{
	{"security group rule create", "rule add GROUP --proto tcp --port 443 --from-cidr CIDR"},
	{"security group rule list", "rule list GROUP"},
	{"security group rule show", "rule show GROUP RULE"},
	{"security group rule delete", "rule delete GROUP RULE"},
	{"security group create", "group create NAME"},
	{"security group list", "group list"},
	{"security group show", "group show GROUP"},
	{"security group set", "group update GROUP"},
	{"security group delete", "group delete GROUP"},
	{"server list", "instance list"},
	{"server show", "instance show INSTANCE"},
	{"server create", "instance put INSTANCE"},
	{"server delete", "instance delete INSTANCE"},
	{"server add security group", "attach GROUP --instance INSTANCE"},
	{"server remove security group", "detach GROUP --instance INSTANCE"},
	{"port list", "nic list"},
	{"port show", "nic show NIC"},
	{"port create", "nic put NIC"},
	{"port delete", "nic delete NIC"},
	{"ec2 authorize-security-group-ingress", "rule add GROUP --proto tcp --port 443 --from-cidr CIDR"},
	{"ec2 authorize-security-group-egress", "rule add GROUP --proto tcp --port 443 --to-cidr CIDR"},
	{"ec2 revoke-security-group-", "rule delete GROUP RULE"},
	{"ec2 create-security-group", "group create NAME"},
	{"ec2 delete-security-group", "group delete GROUP"},
	{"ec2 describe-security-group-rules", "rule list GROUP"},
	{"ec2 describe-security-groups", "group list"},
	{"ec2 describe-network-interfaces", "nic list"},
	{"ec2 describe-instances", "instance list"},
}

// nouns are the commands that kubectl's words for kinds of objects stand for.
var nouns = map[string]string{
	"group": "group", "groups": "group", "sg": "group", "rule": "rule", "rules": "rule", "networkpolicy": "rule", "netpol": "rule",
	"nic": "nic", "nics": "nic", "port": "nic", "ports": "nic", "vm": "instance", "vms": "instance", "pod": "instance", "pods": "instance", "instance": "instance", "instances": "instance", "network": "network", "networks": "network",
	"host": "host", "hosts": "host", "node": "host", "nodes": "host", "account": "account", "accounts": "account", "namespace": "account", "ns": "account",
}

// otherTongue is how a command line is said here that is right with openstack, aws
// or kubectl: "" if it is none that is known.
func otherTongue(args []string) string {
	words := args
	for i, a := range args {
		if strings.HasPrefix(a, "-") {
			words = args[:i]
			break
		}
	}
	line := strings.Join(words, " ")
	for _, t := range tongues {
		if strings.HasPrefix(line, t.begin) {
			return "ringfence " + t.here
		}
	}
	if len(words) < 2 {
		return ""
	}
	kind, name, _ := strings.Cut(words[1], "/") // kubectl has nic/web-1 and nic web-1
	if len(words) > 2 {
		name = words[2]
	}
	noun := nouns[kind]
	if noun == "" {
		return ""
	}
	what := cmp.Or(name, strings.ToUpper(noun))
	if noun == "rule" { // has its group before it
		what = "GROUP " + what
	}
	switch words[0] {
	case "get":
		switch {
		case name == "" && noun == "rule":
			return "ringfence rule list GROUP"
		case name == "":
			return "ringfence " + noun + " list"
		}
		return "ringfence " + noun + " show " + what
	case "describe":
		return "ringfence " + noun + " show " + what
	case "delete":
		return "ringfence " + noun + " delete " + what
	case "create":
		switch noun {
		case "rule":
			return "ringfence rule add GROUP --proto tcp --port 443 --from-cidr CIDR"
		case "group":
			return "ringfence group create " + what
		case "host":
			return "ringfence controller, on the host"
		}
		return "ringfence " + noun + " put " + what
	}
	return ""
}
