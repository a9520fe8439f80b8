package secgroup_test

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

// check compares faults with lines "pointer code".
func check(t *testing.T, got secgroup.Faults, want ...string) {
	t.Helper()
	var lines []string
	for _, f := range got {
		lines = append(lines, f.Pointer+" "+f.Code)
		if f.Detail == "" {
			t.Errorf("%s has no detail", f.Pointer)
		}
	}
	if !slices.Equal(lines, want) {
		t.Errorf("faults %q, want %q\n%v", lines, want, got)
	}
}

func cidr(s string) netip.Prefix { return netip.MustParsePrefix(s) }
func addr(s string) netip.Addr   { return netip.MustParseAddr(s) }

// rule is a valid one, changed by the edits.
func rule(edits ...func(*secgroup.Rule)) secgroup.Rule {
	r := secgroup.Rule{ID: "r1", Direction: secgroup.Ingress, Protocol: secgroup.ProtocolTCP, PortMin: 80, Enabled: true}
	for _, edit := range edits {
		edit(&r)
	}
	return r
}

func TestRuleFaults(t *testing.T) {
	type r = secgroup.Rule
	for _, test := range []struct {
		name string
		edit func(*r)
		want []string
	}{
		{"valid", func(*r) {}, nil},
		{"id", func(r *r) { r.ID = "a/b" }, []string{"/id invalid-value"}},
		{"no direction", func(r *r) { r.Direction = "" }, []string{"/direction invalid-value"}},
		{"direction", func(r *r) { r.Direction = "both" }, []string{"/direction invalid-value"}},
		{"family", func(r *r) { r.Family = "ipv5" }, []string{"/family invalid-value"}},
		{"protocol in capitals", func(r *r) { r.Protocol = "TCP" }, nil},
		{"no protocol", func(r *r) { r.Protocol = "" }, []string{"/protocol invalid-value"}},
		{"protocol too large", func(r *r) { r.Protocol = "256" }, []string{"/protocol invalid-value"}},
		{"protocol unknown", func(r *r) { r.Protocol = "sctp" }, []string{"/protocol invalid-value"}},
		{"protocol 0", func(r *r) { r.Protocol, r.PortMin = "0", 0 }, nil},
		{"protocol 255", func(r *r) { r.Protocol, r.PortMin = "255", 0 }, nil},
		{"ports with all", func(r *r) { r.Protocol, r.PortMax = "ALL", 81 }, []string{"/port_min port-not-allowed", "/port_max port-not-allowed"}},
		{"one port with icmp", func(r *r) { r.Protocol = "icmp" }, []string{"/port_min port-not-allowed", "/port_max port-not-allowed"}},
		{"ports with a number, be it tcp's", func(r *r) { r.Protocol = "6" }, []string{"/port_min port-not-allowed", "/port_max port-not-allowed"}},
		{"all ports", func(r *r) { r.PortMin = 0 }, nil},
		{"a range", func(r *r) { r.PortMax = 443 }, nil},
		{"the last port", func(r *r) { r.PortMin, r.PortMax = 65535, 65535 }, nil},
		{"a range upside down", func(r *r) { r.PortMax = 79 }, []string{"/port_max out-of-range"}},
		{"only port_max", func(r *r) { r.PortMin, r.PortMax = 0, 80 }, []string{"/port_min invalid-value"}},
		{"icmp type with tcp", func(r *r) { r.ICMPType = secgroup.Some8(0) }, []string{"/icmp_type invalid-value"}},
		{"icmp code with all", func(r *r) { r.Protocol, r.PortMin, r.ICMPCode = "all", 0, secgroup.Some8(0) }, []string{"/icmp_code invalid-value"}},
		{"icmp type with protocol 1", func(r *r) { r.Protocol, r.PortMin, r.ICMPType = "1", 0, secgroup.Some8(8) }, []string{"/icmp_type invalid-value"}},
		{"icmp type of any family", func(r *r) { r.Protocol, r.PortMin, r.ICMPType = "icmp", 0, secgroup.Some8(8) }, nil},
		{"icmp code without type", func(r *r) {
			r.Protocol, r.PortMin, r.Family, r.ICMPCode = "icmp", 0, "ipv4", secgroup.Some8(0)
		}, []string{"/icmp_code invalid-value"}},
		{"icmp code of any family", func(r *r) {
			r.Protocol, r.PortMin, r.ICMPType, r.ICMPCode = "icmp", 0, secgroup.Some8(3), secgroup.Some8(4)
		}, []string{"/icmp_code invalid-value"}},
		{"icmp code, family from the cidr", func(r *r) {
			r.Protocol, r.PortMin, r.ICMPType, r.ICMPCode, r.RemoteCIDR = "icmp", 0, secgroup.Some8(3), secgroup.Some8(4), cidr("10.0.0.0/8")
		}, nil},
		{"icmp code, family said", func(r *r) {
			r.Protocol, r.PortMin, r.Family, r.ICMPType, r.ICMPCode = "icmp", 0, "ipv6", secgroup.Some8(1), secgroup.Some8(4)
		}, nil},
		{"cidr of the other family", func(r *r) { r.Family, r.RemoteCIDR = "ipv6", cidr("10.0.0.0/8") }, []string{"/remote_cidr family-mismatch"}},
		{"IPv6 cidr, family ipv4", func(r *r) { r.Family, r.RemoteCIDR = "ipv4", cidr("fd00::/8") }, []string{"/remote_cidr family-mismatch"}},
		{"cidr with family any", func(r *r) { r.Family, r.RemoteCIDR = "any", cidr("10.0.0.0/8") }, nil},
		{"cidr with host bits", func(r *r) { r.RemoteCIDR = cidr("10.1.2.3/8") }, nil},
		{"cidr that is none", func(r *r) { r.RemoteCIDR = netip.PrefixFrom(addr("10.0.0.0"), 33) }, []string{"/remote_cidr invalid-value"}},
		{"remote group", func(r *r) { r.RemoteGroup = secgroup.GroupRef{Account: "a", ID: "g"} }, nil},
		{"remote group without id", func(r *r) { r.RemoteGroup = secgroup.GroupRef{Account: "a"} }, []string{"/remote_group invalid-value"}},
		{"both remotes", func(r *r) {
			r.RemoteGroup, r.RemoteCIDR = secgroup.GroupRef{Account: "a", ID: "g"}, cidr("10.0.0.0/8")
		}, nil},
		{"description", func(r *r) { r.Description = "line one\n\tline two, déjà vu" }, nil},
		{"description too long", func(r *r) { r.Description = strings.Repeat("é", 1025) }, []string{"/description invalid-value"}},
		{"description with a bell", func(r *r) { r.Description = "\a" }, []string{"/description invalid-value"}},
		{"origin", func(r *r) { r.Origin = "elsewhere" }, []string{"/origin invalid-value"}},
		{"several at once", func(r *r) {
			r.Direction, r.PortMax, r.Family, r.RemoteCIDR = "", 1, "ipv6", cidr("10.0.0.0/8")
		}, []string{"/direction invalid-value", "/port_max out-of-range", "/remote_cidr family-mismatch"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := rule(test.edit)
			r.Normalize()
			check(t, r.Validate(), test.want...)
		})
	}
}

func TestRuleStoredForm(t *testing.T) {
	for _, test := range []struct {
		name     string
		in, want secgroup.Rule
	}{
		{"family any without a cidr", secgroup.Rule{Protocol: "all"}, secgroup.Rule{Protocol: "all", Family: "any", Origin: "user"}},
		{"family of the cidr", secgroup.Rule{Protocol: "all", RemoteCIDR: cidr("fd00::/8")}, secgroup.Rule{Protocol: "all", RemoteCIDR: cidr("fd00::/8"), Family: "ipv6", Origin: "user"}},
		{"a family that is given stays", secgroup.Rule{Protocol: "all", Family: "any", RemoteCIDR: cidr("fd00::/8")}, secgroup.Rule{Protocol: "all", RemoteCIDR: cidr("fd00::/8"), Family: "any", Origin: "user"}},
		{"host bits go", secgroup.Rule{Protocol: "all", RemoteCIDR: cidr("10.1.2.3/8")}, secgroup.Rule{Protocol: "all", RemoteCIDR: cidr("10.0.0.0/8"), Family: "ipv4", Origin: "user"}},
		{"IPv4-mapped is IPv4", secgroup.Rule{Protocol: "all", RemoteCIDR: cidr("::ffff:10.1.2.3/104")}, secgroup.Rule{Protocol: "all", RemoteCIDR: cidr("10.0.0.0/8"), Family: "ipv4", Origin: "user"}},
		{"a prefix that only contains the mapped ones is IPv6", secgroup.Rule{Protocol: "all", RemoteCIDR: cidr("::/64")}, secgroup.Rule{Protocol: "all", RemoteCIDR: cidr("::/64"), Family: "ipv6", Origin: "user"}},
		{"small letters", secgroup.Rule{Protocol: "Udp"}, secgroup.Rule{Protocol: "udp", Family: "any", Origin: "user"}},
		{"no leading zeros", secgroup.Rule{Protocol: "047"}, secgroup.Rule{Protocol: "47", Family: "any", Origin: "user"}},
		{"port_max from port_min", secgroup.Rule{Protocol: "tcp", PortMin: 80}, secgroup.Rule{Protocol: "tcp", PortMin: 80, PortMax: 80, Family: "any", Origin: "user"}},
		{"what is wrong stays", secgroup.Rule{Protocol: "gre", PortMax: 80}, secgroup.Rule{Protocol: "gre", PortMax: 80, Family: "any", Origin: "user"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := test.in
			got.Normalize()
			if got != test.want {
				t.Errorf("%+v, want %+v", got, test.want)
			}
			again := got
			if again.Normalize(); again != got {
				t.Errorf("normalised again: %+v", again)
			}
		})
	}
}

func TestUnnormalisedIsRefused(t *testing.T) {
	r := rule(func(r *secgroup.Rule) {
		r.Family, r.RemoteCIDR, r.Origin, r.PortMax = "ipv4", cidr("10.1.2.3/8"), "user", 80
	})
	check(t, r.Validate(), "/remote_cidr invalid-value")
	r.RemoteCIDR, r.Protocol = netip.Prefix{}, "TCP"
	check(t, r.Validate(), "/protocol invalid-value", "/port_min port-not-allowed", "/port_max port-not-allowed")
}

// FuzzRule: whatever the fields are, a rule that has no fault in its stored form
// stays so, and nothing panics.
func FuzzRule(f *testing.F) {
	f.Add("tcp", "any", uint16(1), uint16(2), "10.0.0.0/8", true, uint8(3), "")
	f.Add("ICMP", "", uint16(0), uint16(0), "::ffff:1.2.3.4/100", true, uint8(3), "\x80")
	f.Fuzz(func(t *testing.T, protocol, family string, low, high uint16, prefix string, typed bool, message uint8, text string) {
		r := rule()
		r.Protocol, r.Family, r.PortMin, r.PortMax = secgroup.Protocol(protocol), secgroup.Family(family), low, high
		r.RemoteCIDR, _ = netip.ParsePrefix(prefix)
		r.ICMPType, r.Description = secgroup.Opt8{Value: message, Set: typed}, text
		r.Normalize()
		if len(r.Validate()) > 0 {
			return
		}
		again := r
		again.Normalize()
		if again != r || len(again.Validate()) > 0 {
			t.Errorf("%+v becomes %+v: %v", r, again, again.Validate())
		}
	})
}

func TestParseProtocol(t *testing.T) {
	want := map[string]string{"ALL": "all", "Tcp": "tcp", "udp": "udp", "iCMP": "icmp", "0": "0", "255": "255", "017": "17"}
	for _, in := range slices.Sorted(maps.Keys(want)) {
		if got, err := secgroup.ParseProtocol(in); err != nil || string(got) != want[in] {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "256", "-1", "+6", "gre", "0x6", " tcp", "1e1"} {
		if got, err := secgroup.ParseProtocol(in); err == nil {
			t.Errorf("%q: %q", in, got)
		}
	}
}
