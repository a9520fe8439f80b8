package httpapi

import "strings"

// rule is a request to add a rule, refused for its values.
func ruleRefusal(name, body, code, faults string) refusal {
	return refusal{name: name, method: "POST", path: rules, body: body, status: 422, code: code, faults: faults}
}

func nicRefusal(name, body, faults string) refusal {
	return refusal{name: name, method: "PUT", path: "/v1/nics/n9", body: body, status: 422, code: "invalid-value", faults: faults}
}

const tcpIn = `{"direction":"ingress","protocol":"tcp"`

// valueRefusals are requests that can be read but say what cannot be.
var valueRefusals = []refusal{
	{name: "trace of port 0", method: "POST", path: acme + "/traces", body: `{"source":{"nic":"n1"},"destination":{"nic":"n2"},"protocol":"tcp","port":0}`, status: 422, code: "invalid-value", faults: "/port out-of-range"},
	{name: "trace of no port", method: "POST", path: acme + "/traces", body: `{"source":{"nic":"n1"},"destination":{"nic":"n2"},"protocol":"tcp","port":-1}`, status: 422, code: "invalid-value", faults: "/port invalid-value"},
	ruleRefusal("nothing said", `{}`, "invalid-value", "/direction invalid-value, /protocol invalid-value"),
	ruleRefusal("port 0", tcpIn+`,"port_min":0}`, "invalid-value", "/port_min out-of-range"),
	ruleRefusal("port 65536", tcpIn+`,"port_min":1,"port_max":65536}`, "invalid-value", "/port_max out-of-range"),
	ruleRefusal("port beyond 64 bits", tcpIn+`,"port_min":99999999999999999999}`, "invalid-value", "/port_min out-of-range"),
	ruleRefusal("port -2", tcpIn+`,"port_min":-2}`, "invalid-value", "/port_min out-of-range"),
	ruleRefusal("port as text", tcpIn+`,"port_min":"80"}`, "invalid-value", "/port_min invalid-value"),
	ruleRefusal("port with a fraction", tcpIn+`,"port_min":80.5}`, "invalid-value", "/port_min invalid-value"),
	ruleRefusal("port with an exponent", tcpIn+`,"port_min":8e1}`, "invalid-value", "/port_min invalid-value"),
	ruleRefusal("ports backwards", tcpIn+`,"port_min":90,"port_max":80}`, "invalid-value", "/port_max out-of-range"),
	ruleRefusal("port_max alone", tcpIn+`,"port_max":80}`, "invalid-value", "/port_min invalid-value"),
	ruleRefusal("ports of all", `{"direction":"ingress","protocol":"all","port_min":80,"port_max":80}`, "port-not-allowed", "/port_max port-not-allowed, /port_min port-not-allowed"),
	ruleRefusal("port of icmp", `{"direction":"ingress","protocol":"icmp","port_min":80}`, "port-not-allowed", "/port_min port-not-allowed"),
	ruleRefusal("port of a number", `{"direction":"ingress","protocol":47,"start_port":80}`, "port-not-allowed", "/port_min port-not-allowed"),
	ruleRefusal("icmp type of tcp", tcpIn+`,"icmp_type":8}`, "invalid-value", "/icmp_type invalid-value"),
	ruleRefusal("icmp type 256", `{"direction":"ingress","protocol":"icmp","icmp_type":256}`, "invalid-value", "/icmp_type out-of-range"),
	ruleRefusal("icmp code without family", `{"direction":"ingress","protocol":"icmp","icmp_type":3,"icmp_code":1}`, "invalid-value", "/icmp_code invalid-value"),
	ruleRefusal("icmp code without type", `{"direction":"ingress","protocol":"icmp","family":"ipv4","icmp_code":1}`, "invalid-value", "/icmp_code invalid-value"),
	ruleRefusal("unknown protocol", `{"direction":"ingress","protocol":"sctpx"}`, "invalid-value", "/protocol invalid-value"),
	ruleRefusal("protocol 256", `{"direction":"ingress","protocol":256,"port_min":1}`, "invalid-value", "/protocol invalid-value"),
	ruleRefusal("protocol as a list", `{"direction":"ingress","protocol":["tcp"]}`, "invalid-value", "/protocol invalid-value"),
	ruleRefusal("unknown direction", `{"direction":"sideways","protocol":"tcp"}`, "invalid-value", "/direction invalid-value"),
	ruleRefusal("unknown family", tcpIn+`,"family":"ipv5"}`, "invalid-value", "/family invalid-value"),
	ruleRefusal("no cidr", tcpIn+`,"remote_cidr":"10.0.0.0/33"}`, "invalid-value", "/remote_cidr invalid-value"),
	ruleRefusal("address for a cidr", tcpIn+`,"remote_cidr":"10.0.0.1"}`, "invalid-value", "/remote_cidr invalid-value"),
	ruleRefusal("empty cidr", tcpIn+`,"remote_cidr":""}`, "invalid-value", "/remote_cidr invalid-value"),
	ruleRefusal("cidr of the other family", tcpIn+`,"family":"ipv6","remote_cidr":"10.0.0.0/8"}`, "family-mismatch", "/remote_cidr family-mismatch"),
	ruleRefusal("absent remote group", tcpIn+`,"remote_group":"ghost"}`, "remote-group-not-found", "/remote_group remote-group-not-found"),
	ruleRefusal("remote group of another account", tcpIn+`,"remote_group":"bolt/theirs"}`, "remote-group-not-found", "/remote_group remote-group-not-found"),
	ruleRefusal("no group at all", tcpIn+`,"remote_group":""}`, "invalid-value", "/remote_group invalid-value"),
	ruleRefusal("no group of no account", tcpIn+`,"remote_group":"/"}`, "invalid-value", "/remote_group invalid-value"),
	{name: "patched to no group of no account", method: "PATCH", path: groups + "/db/rules/r2", body: `{"remote_group":"/"}`, status: 422, code: "invalid-value", faults: "/remote_group invalid-value"},
	ruleRefusal("enabled as text", tcpIn+`,"enabled":"yes"}`, "invalid-value", "/enabled invalid-value"),
	ruleRefusal("id of one's own on POST", tcpIn+`,"id":"mine"}`, "invalid-value", "/id invalid-value"),
	ruleRefusal("long description", tcpIn+`,"description":"`+strings.Repeat("x", 1025)+`"}`, "invalid-value", "/description invalid-value"),
	ruleRefusal("every fault at once", `{"direction":"up","family":"ipv6","protocol":"all","port_min":70000,"port_max":5,"remote_cidr":"10.0.0.0/8","remote_group":"ghost","enabled":1}`,
		"invalid-value", "/direction invalid-value, /enabled invalid-value, /port_max port-not-allowed, /port_min out-of-range, /remote_cidr family-mismatch, /remote_group remote-group-not-found"),
	{name: "rule id of another path", method: "PUT", path: rules + "/r1", body: tcpIn + `,"id":"r9"}`, status: 422, code: "invalid-value", faults: "/id invalid-value"},
	{name: "rule id that is none", method: "PUT", path: rules + "/a%20b", body: tcpIn + `}`, status: 422, code: "invalid-value", faults: "/id invalid-value"},
	{name: "patched to ports of all", method: "PATCH", path: rules + "/r1", body: `{"protocol":"all"}`, status: 422, code: "port-not-allowed", faults: "/port_max port-not-allowed, /port_min port-not-allowed"},
	{name: "patched out of its direction", method: "PATCH", path: rules + "/r1", body: `{"direction":null}`, status: 422, code: "invalid-value", faults: "/direction invalid-value"},
	{name: "patch that is no object", method: "PATCH", path: rules + "/r1", body: `"tcp"`, status: 422, code: "invalid-value", faults: " invalid-value"},
	{name: "ids twice in a set", method: "PUT", path: rules, body: `{"rules":[` + tcpIn + `,"id":"a","port_min":1},` + tcpIn + `,"id":"a","port_min":2}]}`, status: 422, code: "invalid-value", faults: "/rules/1/id invalid-value"},
	{name: "faults in a set", method: "PUT", path: rules, body: `{"rules":[` + tcpIn + `},` + tcpIn + `,"port_min":0},{"direction":"egress","protocol":"tcp","remote_group":"ghost"}]}`, status: 422, code: "invalid-value", faults: "/rules/1/port_min out-of-range, /rules/2/remote_group remote-group-not-found"},
	{name: "set without rules", method: "PUT", path: rules, body: `{}`, status: 422, code: "invalid-value", faults: "/rules invalid-value"},
	{name: "set of a string", method: "PUT", path: rules, body: `"r1"`, status: 422, code: "invalid-value", faults: " invalid-value"},
	{name: "group without a name", method: "POST", path: groups, body: `{"description":"x"}`, status: 422, code: "invalid-value", faults: "/name invalid-value"},
	{name: "group with a name of 256", method: "POST", path: groups, body: `{"name":"` + strings.Repeat("x", 256) + `"}`, status: 422, code: "invalid-value", faults: "/name invalid-value"},
	{name: "group with all kinds of faults", method: "PUT", path: groups + "/new", body: `{"id":"old","account":"bolt","name":"n","tags":{"a":1},"egress_policy":"closed","network_scope":"some","networks":["ghost"],"rules":[{"direction":"ingress","protocol":"tcp","remote_group":"ghost"}]}`,
		status: 422, code: "invalid-value", faults: "/account invalid-value, /egress_policy invalid-value, /id invalid-value, /network_scope invalid-value, /networks/0 invalid-value, /rules/0/remote_group remote-group-not-found, /tags/a invalid-value"},
	{name: "networks for scope any", method: "PUT", path: groups + "/new", body: `{"name":"n","network_scope":"any","networks":["net1"]}`, status: 422, code: "invalid-value", faults: "/networks invalid-value"},
	{name: "group id that is none", method: "PUT", path: groups + "/a%20b", body: `{"name":"n"}`, status: 422, code: "invalid-value", faults: "/id invalid-value"},
	{name: "account id that is none", method: "PUT", path: "/v1/accounts/a%20b", body: `{}`, status: 422, code: "invalid-value", faults: "/id invalid-value"},
	{name: "account settings", method: "PUT", path: "/v1/accounts/new", body: `{"settings":{"egress_policy_default":"shut","egress_open_guard":"maybe"},"quotas":{"rules":-1}}`, status: 422, code: "invalid-value", faults: "/egress_open_guard invalid-value, /egress_policy_default invalid-value, /quotas/rules out-of-range"},
	{name: "quota that nobody knows", method: "PATCH", path: acme, body: `{"quotas":{"gruops":5}}`, status: 422, code: "invalid-value", faults: "/quotas/gruops invalid-value"},
	{name: "group in an account that cannot be", method: "PUT", path: "/v1/accounts/a%20b/security-groups/g", body: `{"name":"n"}`, status: 422, code: "invalid-value", faults: "/account invalid-value"},
	{name: "attached groups absent", method: "PUT", path: acme + "/nics/n1/security-groups", body: `{"security_groups":["web","ghost",7]}`, status: 422, code: "invalid-value", faults: "/security_groups/1 invalid-value, /security_groups/2 invalid-value"},
	{name: "instance with a long name", method: "PUT", path: acme + "/instances/i", body: `{"name":"` + strings.Repeat("x", 256) + `"}`, status: 422, code: "invalid-value", faults: "/name invalid-value"},
	nicRefusal("NIC of nothing", `{}`, "/account invalid-value, /mac invalid-value, /network invalid-value"),
	nicRefusal("NIC that names what is not there", `{"account":"acme","instance":"ghost","network":"ghost","mac":"02:00:00:00:00:09"}`, "/instance invalid-value, /network invalid-value"),
	nicRefusal("NIC with bad addresses", `{"account":"acme","network":"net1","mac":"02:00:00:00:00:09","addresses":["10.0.0.300","10.0.0.9/16","224.0.0.1",5],"allowed_addresses":["10.0.0.0/40"]}`,
		"/addresses/0 invalid-value, /addresses/1 invalid-value, /addresses/2 invalid-value, /addresses/3 invalid-value, /allowed_addresses/0 invalid-value"),
	nicRefusal("NIC with a bad MAC", `{"account":"acme","network":"net1","mac":"02:00:00:00:00"}`, "/mac invalid-value"),
	nicRefusal("NIC with a group MAC", `{"account":"acme","network":"net1","mac":"01:00:5e:00:00:01"}`, "/mac invalid-value"),
	nicRefusal("NIC half enforced", `{"account":"acme","network":"net1","mac":"02:00:00:00:00:09","enforcement":"half"}`, "/enforcement invalid-value"),
	{name: "NIC that changes its account", method: "PUT", path: "/v1/nics/n2", body: `{"account":"bolt","network":"net1","mac":"02:00:00:00:00:02"}`, status: 422, code: "invalid-value", faults: "/account invalid-value"},
	{name: "network of no type", method: "PUT", path: "/v1/networks/new", body: `{"prefixes":["10.9.0.0/16","nonsense"],"vlan":4095}`, status: 422, code: "invalid-value", faults: "/prefixes/1 invalid-value, /type invalid-value, /vlan out-of-range"},
	{name: "vpc network of no vpc", method: "PUT", path: "/v1/networks/new", body: `{"type":"vpc"}`, status: 422, code: "invalid-value", faults: "/vpc invalid-value"},
	{name: "hosts", method: "PUT", path: "/v1/nics/n9", body: `{"account":"acme","network":"net1","mac":"02:00:00:00:00:09","hosts":["h1","a/b","h1",""]}`, status: 422, code: "invalid-value", faults: "/hosts/1 invalid-value, /hosts/2 invalid-value, /hosts/3 invalid-value"},
	{name: "address in no prefix", method: "PUT", path: "/v1/nics/n9", body: `{"account":"acme","network":"net1","mac":"02:00:00:00:00:09","addresses":["10.0.0.9","10.1.0.9","fd01::9","fe80::9"]}`, status: 422, code: "invalid-value", faults: "/addresses/1 invalid-value, /addresses/2 invalid-value"},
	{name: "prefixes that leave out a NIC", method: "PUT", path: "/v1/networks/net1", body: `{"type":"flat","prefixes":["10.0.0.0/23","fd00::/64"]}`, status: 422, code: "invalid-value", faults: "/prefixes invalid-value"},
	{name: "prefixes that leave out a NIC's IPv6", method: "PUT", path: "/v1/networks/net1", body: `{"type":"flat","prefixes":["10.0.0.0/16","fd01::/64"]}`, status: 422, code: "invalid-value", faults: "/prefixes invalid-value"},
	{name: "gateway of no address", method: "PUT", path: "/v1/networks/new", body: `{"type":"flat","gateways":["gw"]}`, status: 422, code: "invalid-value", faults: "/gateways/0 invalid-value"},
	{name: "baseline without addresses", method: "PUT", path: "/v1/baseline", body: `{}`, status: 422, code: "invalid-value", faults: "/addresses invalid-value"},
	{name: "baseline of all kinds of faults", method: "PUT", path: "/v1/baseline", body: `{"addresses":[{"address":"x","protocol":"icmp","port":0}]}`, status: 422, code: "invalid-value", faults: "/addresses/0/address invalid-value, /addresses/0/port out-of-range, /addresses/0/protocol invalid-value"},
}
