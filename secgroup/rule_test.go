package secgroup_test

import (
	"fmt"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

var web = secgroup.GroupRef{Account: "a", ID: "web"}

func TestDefaultRules(t *testing.T) {
	n := 0
	rules := secgroup.DefaultRules(web, func() string { n++; return fmt.Sprint("id", n) })
	want := []secgroup.Rule{
		{ID: "id1", Direction: "ingress", Family: "any", Protocol: "all", RemoteGroup: web, Enabled: true, Origin: "default"},
		{ID: "id2", Direction: "egress", Family: "any", Protocol: "all", RemoteGroup: web, Enabled: true, Origin: "default"},
	}
	for i, r := range rules {
		if r != want[i] {
			t.Errorf("%+v", r)
		}
		r.Normalize()
		check(t, r.Validate())
		if r != want[i] {
			t.Errorf("not in its stored form: %+v", r)
		}
	}
	g := secgroup.Group{GroupRef: web, Rules: rules}
	if secgroup.EgressRestricts(&g) {
		t.Error("the default rules restrict")
	}
	if g.Rule("id2") != &g.Rules[1] || g.Rule("id3") != nil {
		t.Error("rule by id")
	}
}

func TestEgressRestricts(t *testing.T) {
	own := secgroup.Rule{Direction: "egress", Protocol: "all", RemoteGroup: web}
	for _, test := range []struct {
		name   string
		policy secgroup.EgressPolicy
		rules  []secgroup.Rule
		want   bool
	}{
		{"auto without rules", "auto", nil, false},
		{"auto with the intra-group rule", "auto", []secgroup.Rule{own}, false},
		{"auto with ingress rules", "auto", []secgroup.Rule{{Direction: "ingress", Protocol: "tcp"}}, false},
		{"auto with one more egress rule", "auto", []secgroup.Rule{own, {Direction: "egress", Protocol: "tcp"}}, true},
		{"auto with a disabled one", "auto", []secgroup.Rule{{Direction: "egress", Protocol: "tcp", Enabled: false}}, true},
		{"auto with all to another group", "auto", []secgroup.Rule{{Direction: "egress", Protocol: "all", RemoteGroup: secgroup.GroupRef{Account: "b", ID: "web"}}}, true},
		{"auto with all to itself in a cidr", "auto", []secgroup.Rule{{Direction: "egress", Protocol: "all", RemoteGroup: web, RemoteCIDR: cidr("0.0.0.0/0")}}, true},
		{"auto with all to everything", "auto", []secgroup.Rule{{Direction: "egress", Protocol: "all"}}, true},
		{"listed without rules", "listed", nil, true},
		{"open with rules", "open", []secgroup.Rule{{Direction: "egress", Protocol: "tcp"}}, false},
		{"no policy is auto", "", nil, false},
		{"an unknown policy restricts", "mostly", nil, true},
	} {
		if got := secgroup.EgressRestricts(&secgroup.Group{GroupRef: web, EgressPolicy: test.policy, Rules: test.rules}); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestSameContent(t *testing.T) {
	a := rule()
	for name, test := range map[string]struct {
		edit func(*secgroup.Rule)
		want bool
	}{
		"id":           {func(r *secgroup.Rule) { r.ID = "r2" }, true},
		"description":  {func(r *secgroup.Rule) { r.Description = "other" }, true},
		"origin":       {func(r *secgroup.Rule) { r.Origin = "default" }, true},
		"revision":     {func(r *secgroup.Rule) { r.Revision = 7 }, true},
		"enabled":      {func(r *secgroup.Rule) { r.Enabled = false }, false},
		"direction":    {func(r *secgroup.Rule) { r.Direction = "egress" }, false},
		"family":       {func(r *secgroup.Rule) { r.Family = "ipv4" }, false},
		"protocol":     {func(r *secgroup.Rule) { r.Protocol = "udp" }, false},
		"port_min":     {func(r *secgroup.Rule) { r.PortMin = 79 }, false},
		"port_max":     {func(r *secgroup.Rule) { r.PortMax = 81 }, false},
		"icmp_type":    {func(r *secgroup.Rule) { r.ICMPType = secgroup.Some8(0) }, false},
		"icmp_code":    {func(r *secgroup.Rule) { r.ICMPCode = secgroup.Some8(0) }, false},
		"remote_cidr":  {func(r *secgroup.Rule) { r.RemoteCIDR = cidr("10.0.0.0/8") }, false},
		"remote_group": {func(r *secgroup.Rule) { r.RemoteGroup = web }, false},
	} {
		b := a
		test.edit(&b)
		if got := secgroup.SameContent(a, b); got != test.want {
			t.Errorf("%s differs: %v", name, got)
		}
	}
}
