package store

import (
	"errors"
	"fmt"
	"github.com/google/go-cmp/cmp"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/record"
)

// everyKind is one object of each kind with all its fields set.
func everyKind() []secgroup.Object {
	at := time.Date(2026, 2, 3, 4, 5, 6, 789, time.UTC)
	g := group("acme", "web", secgroup.Rule{
		ID: "r1", Direction: secgroup.Ingress, Family: secgroup.FamilyIPv4, Protocol: secgroup.ProtocolTCP, PortMin: 80, PortMax: 90,
		RemoteCIDR: netip.MustParsePrefix("10.0.0.0/8"), RemoteGroup: groupRef("acme", "web"), Description: "d", Enabled: true, Origin: secgroup.OriginUser,
	}, secgroup.Rule{
		ID: "r2", Direction: secgroup.Egress, Family: secgroup.FamilyIPv6, Protocol: secgroup.ProtocolICMP, ICMPType: secgroup.Some8(0), ICMPCode: secgroup.Some8(3),
		RemoteGroup: groupRef("other", "web"), Origin: secgroup.OriginDefault, Revision: 1,
	}, rule("r3"))
	g.Rules[2].Protocol = "47"
	g.Name, g.Description, g.Tags, g.IsDefault = "Web", "desc", map[string]string{"k": "v"}, true
	g.EgressPolicy, g.NetworkScope, g.Networks = secgroup.EgressListed, secgroup.ScopeListed, []string{"n1"}
	g.Shares = []secgroup.Share{{Account: "bolt", Attach: true}, {Account: "other", Attach: true, Reference: true}, {Account: "third", Reference: true}}
	g.CreatedAt, g.UpdatedAt = at, at.Add(time.Hour)
	n := nic("nic1", "acme", "n1", "10.0.0.5", "fd00::5")
	n.Instance, n.DHCPServer, n.Enforcement = "vm", true, secgroup.EnforcementOff
	n.AllowedAddresses = []netip.Prefix{netip.MustParsePrefix("10.0.0.100/32")}
	n.CreatedAt, n.UpdatedAt = at, at
	placed := *nic("nic2", "acme", "n1")
	placed.Hosts = []string{"h1", "h2"}
	return []secgroup.Object{
		&secgroup.Account{ID: "acme", EgressPolicyDefault: secgroup.EgressListed, EgressOpenGuard: secgroup.GuardBlock, Quotas: map[string]int{"groups": 7}, CreatedAt: at, UpdatedAt: at},
		&secgroup.Network{ID: "n1", Type: secgroup.NetworkVPC, VPC: "v", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}, VLAN: 12, RoutingDomain: "vpc:v",
			Gateways: []netip.Addr{netip.MustParseAddr("10.0.0.1")}, CreatedAt: at, UpdatedAt: at},
		&secgroup.Network{ID: "n2", Type: secgroup.NetworkFlat, Local: true, RoutingDomain: "provider"},
		&secgroup.Instance{InstanceRef: secgroup.InstanceRef{Account: "acme", ID: "vm"}, Name: "VM", CreatedAt: at, UpdatedAt: at},
		n, &placed, g,
		&secgroup.Attachment{Group: groupRef("acme", "web"), Instance: "vm"},
		&secgroup.Attachment{Group: groupRef("acme", "web"), NIC: "nic1"},
		&secgroup.Attachment{Group: groupRef("other", "web"), NIC: "nic1", Holder: "acme"},
		&secgroup.Baseline{Addresses: []secgroup.BaselineAddress{{Address: netip.MustParseAddr("169.254.169.254"), Protocol: secgroup.ProtocolTCP, Port: 80, Description: "metadata"}}},
	}
}

// resolved is o as it is read back after a write at rev.
func resolved(o secgroup.Object, rev int64) secgroup.Object {
	switch o := o.(type) {
	case *secgroup.Account:
		c := *o
		c.Revision = rev
		return &c
	case *secgroup.Network:
		c := *o
		c.Revision = rev
		return &c
	case *secgroup.Instance:
		c := *o
		c.Revision = rev
		return &c
	case *secgroup.NIC:
		c := *o
		c.Revision = rev
		return &c
	case *secgroup.Baseline:
		c := *o
		c.Revision = rev
		return &c
	case *secgroup.Group:
		c := *o
		c.Revision = rev
		c.Rules = append([]secgroup.Rule(nil), o.Rules...)
		for i := range c.Rules {
			if c.Rules[i].Revision == 0 {
				c.Rules[i].Revision = rev
			}
		}
		return &c
	}
	return o
}

// dump is all of a store's cache, record by key.
func dump(t *testing.T, s *Store) map[secgroup.Key]string {
	t.Helper()
	return read(t, s, records)
}

// records is a snapshot as records, with the revisions that etcd keeps apart.
func records(s *snapshot) map[secgroup.Key]string {
	all := map[secgroup.Key]string{}
	for o := range s.Objects() {
		v, _, err := record.EncodeObject(o)
		if err != nil {
			v = err.Error()
		}
		all[o.Key()] = v + fmt.Sprintf(" at %d", secgroup.RevisionOf(o))
	}
	return all
}

// TestRecordsRefuse what this version does not know, naming it.
func TestRecordsRefuse(t *testing.T) {
	groupKey, nicKey := secgroup.GroupKey(groupRef("a", "g")), secgroup.NICKey("n")
	const head = `{"v":1,"name":"g","egress":"auto","scope":"any"`
	const ruleHead = `{"id":"r","dir":"ingress","fam":"any","proto":"tcp","origin":"user"`
	const aNIC = `"account":"a","network":"n","mac":"02:00:00:00:00:01"`
	for _, c := range []struct {
		name  string
		key   secgroup.Key
		value string
		want  string
	}{
		{"empty", groupKey, ``, "unexpected end"},
		{"no JSON", groupKey, `{"v":1,`, "unexpected end"},
		{"no version", groupKey, `{"name":"g"}`, "version 0"},
		{"a newer version", groupKey, `{"v":2,"name":"g","deny":true}`, "newer version"},
		{"a newer version with another order", groupKey, `{"deny":true, "v":3}`, "newer version"},
		{"a version twice", groupKey, `{"v":1,"v":2}`, "newer version"},
		{"a field for later readers", groupKey, `{"v":1,"min_reader":99,"name":"g","egress":"auto","scope":"any","deny":true}`, "newer version"},
		{"a field for later readers, and one of another shape", groupKey, `{"v":1,"min_reader":99,"name":["g"]}`, "newer version"},
		{"more after the record", groupKey, head + `}{}`, "after top-level value"},
		{"unknown direction", groupKey, head + `,"rules":[{"id":"r","dir":"both","fam":"any","proto":"tcp","origin":"user"}]}`, `rule "r": dir`},
		{"unknown protocol", groupKey, head + `,"rules":[{"id":"r","dir":"egress","fam":"any","proto":"300","origin":"user"}]}`, `rule "r": proto`},
		{"unknown egress policy", groupKey, `{"v":1,"egress":"maybe","scope":"any"}`, "egress"},
		{"unknown scope", groupKey, `{"v":1,"egress":"auto"}`, "scope"},
		{"two rules of one id", groupKey, head + `,"rules":[` + ruleHead + `},` + ruleHead + `}]}`, `rule "r"`},
		{"a remote account alone", groupKey, head + `,"rules":[` + ruleHead + `,"raccount":"b"}]}`, "raccount"},
		{"bad cidr", groupKey, head + `,"rules":[` + ruleHead + `,"cidr":"10.0.0.0/33"}]}`, "10.0.0.0/33"},
		{"bad address", nicKey, `{"v":1,` + aNIC + `,"addresses":["10.0.0"]}`, "10.0.0"},
		{"bad mac", nicKey, `{"v":1,"account":"a","network":"n","mac":"02:00"}`, "mac"},
		{"no account", nicKey, `{"v":1,"network":"n","mac":"02:00:00:00:00:01"}`, "account"},
		{"unknown enforcement", nicKey, `{"v":1,` + aNIC + `,"enforcement":"half"}`, "enforcement"},
		{"vlan", secgroup.NetworkKey("n"), `{"v":1,"type":"flat","domain":"provider","vlan":4095}`, "vlan"},
		{"no domain", secgroup.NetworkKey("n"), `{"v":1,"type":"flat"}`, "domain"},
		{"unknown type", secgroup.NetworkKey("n"), `{"v":1,"type":"overlay","domain":"d"}`, "type"},
		{"unknown guard", secgroup.AccountKey("a"), `{"v":1,"guard":"ask"}`, "guard"},
		{"baseline protocol", secgroup.BaselineKey(), `{"v":1,"addresses":[{"address":"1.1.1.1","protocol":"icmp","port":1}]}`, "protocol"},
		{"baseline without address", secgroup.BaselineKey(), `{"v":1,"addresses":[{"address":"","protocol":"udp","port":1}]}`, "address"},
	} {
		o, _, err := record.DecodeObject(c.key, 5, []byte(c.value))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, %v, want an error with %q", c.name, o, err, c.want)
		}
	}
	if _, _, err := record.DecodeObject(groupKey, 5, []byte(`{"v":9}`)); !errors.Is(err, ErrNewerRecord) {
		t.Errorf("a newer record: %v, want ErrNewerRecord", err)
	}
}

// TestKeys goes from objects to keys and back, and refuses what is none.
func TestKeys(t *testing.T) {
	l := record.Layout{Prefix: "/p/"}
	for _, o := range everyKind() {
		key, err := l.Object(o.Key())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := l.Parse(key); err != nil || got != o.Key() {
			t.Errorf("%s is parsed as %+v, %v", key, got, err)
		}
	}
	for _, key := range []string{"", "/p/policy/", "/p/policy/head", "/p/hosts/h", "/p/policy/nics/", "/p/policy/nics/a/b", "/p/policy/groups/a", "/p/policy/groups//g",
		"/p/policy/groups/a/g/h", "/p/policy/attachments/a/g/vm/i", "/p/policy/attachments/a/g/nic/", "/p/policy/attachments/a/g/nic/n/x", "/p/policy/baseline/x", "/p/policy/baseline/", "/p/policy/later/x"} {
		if k, err := l.Parse(key); err == nil {
			t.Errorf("%q is parsed as %+v", key, k)
		}
	}
	for _, k := range []secgroup.Key{{}, secgroup.AccountKey(""), secgroup.NICKey("a/b"), {Kind: secgroup.KindAttachment, Account: "a", ID: "g"},
		{Kind: secgroup.KindAttachment, Account: "a", ID: "g", Instance: "i", NIC: "n"}} {
		if key, err := l.Object(k); err == nil {
			t.Errorf("%+v has the key %q", k, key)
		}
	}
}

// FuzzDecodeObject wants an error or an object that survives a round trip.
func FuzzDecodeObject(f *testing.F) {
	keys := []secgroup.Key{}
	for i, o := range everyKind() {
		v, _, err := record.EncodeObject(o)
		if err != nil {
			f.Fatal(err)
		}
		keys = append(keys, o.Key())
		f.Add(uint8(i), []byte(v))
	}
	f.Add(uint8(4), []byte(`{"v":2}`))
	f.Fuzz(func(t *testing.T, kind uint8, value []byte) {
		k := keys[int(kind)%len(keys)]
		o, _, err := record.DecodeObject(k, 5, value)
		if err != nil {
			return
		}
		if o.Key() != k {
			t.Fatalf("object of key %+v has the key %+v", k, o.Key())
		}
		once, _, err := record.EncodeObject(o)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := record.DecodeObject(k, 5, []byte(once))
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if twice, _, err := record.EncodeObject(again); err != nil || twice != once {
			t.Fatalf("%s became %s, %v", once, twice, err)
		}
	})
}

// FuzzDecodeHost does the same for reports of hosts.
func FuzzDecodeHost(f *testing.F) {
	f.Add([]byte(`{"v":1,"applied":7,"flows":3,"nics":[{"id":"n","ofport":3,"ready":true}],"errors":["x"],"heartbeat":1}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		h, err := record.DecodeHost("h", value)
		if err != nil {
			return
		}
		once, err := record.Marshal(record.HostToRecord(h))
		if err != nil {
			t.Fatal(err)
		}
		again, err := record.DecodeHost("h", []byte(once))
		if err != nil {
			t.Fatalf("%s: %v", once, err)
		}
		if diff := cmp.Diff(h, again); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzParseKey wants an error or a key that leads back.
func FuzzParseKey(f *testing.F) {
	l := record.Layout{Prefix: "/p/"}
	for _, o := range everyKind() {
		key, err := l.Object(o.Key())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		k, err := l.Parse(key)
		if err != nil {
			return
		}
		if again, err := l.Object(k); err != nil || again != key {
			t.Fatalf("%q is %+v, which is %q, %v", key, k, again, err)
		}
	})
}
