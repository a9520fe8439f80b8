package httpapi

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"

	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/secgroup"
)

// Documents are what encoding/json makes of them.
func TestAsJSONIsWhatJSONMakesOfIt(t *testing.T) {
	t.Parallel()
	ref := secgroup.GroupRef{Account: "acme", ID: "web"}
	full := &secgroup.Group{
		GroupRef: ref, Name: "w\"é", Tags: map[string]string{"a": "b"}, Networks: []string{"n"}, EgressPolicy: secgroup.EgressListed,
		Shares: []secgroup.Share{{Account: "bolt", Attach: true}},
		Rules: []secgroup.Rule{
			{ID: "r", Direction: secgroup.Ingress, Family: secgroup.FamilyIPv4, Protocol: "icmp", ICMPType: secgroup.Some8(0), RemoteCIDR: netip.MustParsePrefix("10.0.0.0/8"), Enabled: true},
			{ID: "s", Protocol: "tcp", PortMin: 80, PortMax: 81, RemoteGroup: secgroup.GroupRef{Account: "bolt", ID: "x"}},
		},
	}
	for _, v := range []any{
		shape.WritableGroup(full), shape.WritableGroup(&secgroup.Group{}), shape.WritableRule(ref, &full.Rules[0]), shape.WritableRule(ref, &full.Rules[1]), shape.ShowShared(full),
		shape.WritableAccount(&secgroup.Account{ID: "a", Quotas: map[string]int{"nics": 3}}), shape.WritableAccount(&secgroup.Account{}),
		shape.Attachment{Group: "g", NIC: "n"}, shape.Attachment{Group: "g", Instance: "i"}, map[string]any{"a": []any{nil, true, uint16(7), []string(nil), []int{}}},
		shape.ShowBaseline(&secgroup.Baseline{Addresses: []secgroup.BaselineAddress{{Address: netip.MustParseAddr("::1"), Protocol: "tcp", Port: 80}}}),
	} {
		body, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var want any
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatal(err)
		}
		if got := strictjson.Values(v); !reflect.DeepEqual(got, want) {
			t.Errorf("%#v\nis %#v\nwant %#v", v, got, want)
		}
	}
}
