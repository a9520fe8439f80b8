package stack

import (
	"encoding/json"
	"testing"
)

func TestParseRule(t *testing.T) {
	for text, want := range map[string]string{
		"ingress all from any":                 `{"direction":"ingress","protocol":"all"}`,
		"ingress ipv6 tcp 8000-8010 from web":  `{"direction":"ingress","family":"ipv6","protocol":"tcp","port_min":8000,"port_max":8010,"remote_group":"web"}`,
		"egress udp 53 to 10.0.0.0/24 and dns": `{"direction":"egress","protocol":"udp","port_min":53,"remote_cidr":"10.0.0.0/24","remote_group":"dns"}`,
		"ingress ipv4 icmp 8/0 from any":       `{"direction":"ingress","family":"ipv4","protocol":"icmp","icmp_type":8,"icmp_code":0}`,
		"ingress icmp -1/-1 from web":          `{"direction":"ingress","protocol":"icmp","icmp_type":-1,"icmp_code":-1,"remote_group":"web"}`,
		"ingress 47 from fd00::/64 disabled":   `{"direction":"ingress","protocol":"47","remote_cidr":"fd00::/64","enabled":false}`,
		"":                                     "error",
		"inward all from any":                  "error",
		"ingress all to any":                   "error",
		"ingress tcp http from any":            "error",
		"ingress tcp 80-http from any":         "error",
		"ingress tcp 80 from":                  "error",
		"ingress tcp 80 from web and":          "error",
		"ingress tcp 80 from web or web":       "error",
		"egress tcp 80 90 to any":              "error",
	} {
		spec, err := ParseRule(text)
		b, _ := json.Marshal(spec)
		got := string(b)
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q:\n got %s\nwant %s", text, got, want)
		}
	}
}
