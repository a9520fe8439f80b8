package store

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store/internal/record"
)

// later is a record as a version of a level far from now writes it.
func later(t *testing.T, o secgroup.Object) string {
	t.Helper()
	value, _, err := record.EncodeObject(o)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Replace(value, `{"v":1`, `{"v":1,"min_reader":99,"mood":"strict"`, 1)
}

// TestUnreadableConcernsItsOwnObject has records come that cannot be read, by a
// later version or broken: everything else goes on, they are named, their
// objects are not written, and all is well when they are mended.
func TestUnreadableConcernsItsOwnObject(t *testing.T) {
	for name, value := range map[string]string{
		"of a later level":   `{"v":1,"min_reader":99,"name":"g2","egress":"auto","scope":"any","deny":true}`,
		"of a later version": `{"v":2,"name":"g2"}`, "cut off": `{"v":1,"na`, "of another shape": `{"v":1,"name":{}}`, "empty": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &externalEtcd{dir: socketDir(t)} // the race detector makes an embedded one several times as slow
			t.Cleanup(func() { e.stop(t) })
			e.start(t)
			s := open(t, e.config())
			open80 := rule("r1")
			first := mustUpdate(t, s, put(account("a"), network("n1"), group("a", "g", open80), nic("x", "a", "n1", "10.0.0.1"), &secgroup.Attachment{Group: groupRef("a", "g"), NIC: "x"}))
			var warm recorder
			follow(t, open(t, e.config()), &warm)
			warm.await(t, first)
			key := s.link.Keys.Policy() + "groups/a/g"
			bad, err := s.link.Client.Put(t.Context(), key, value)
			if err != nil {
				t.Fatal(err)
			}
			// Another account, another group of the account, and the NIC itself.
			last := mustUpdate(t, s, put(account("b"), group("b", "g"), group("a", "h"), nic("x", "a", "n1", "10.0.0.2")))
			var cold recorder
			follow(t, open(t, e.config()), &cold)
			for kind, r := range map[string]*recorder{"warm": &warm, "cold": &cold} {
				batches := r.await(t, last)
				u := batches[len(batches)-1].Unreadable
				if len(u) != 1 || u[0].Key != key || u[0].Object != secgroup.GroupKey(groupRef("a", "g")) || u[0].Revision != bad.Header.Revision || u[0].Reason == "" {
					t.Errorf("%s: unreadable are %+v", kind, u)
				}
			}
			waitUntil(t, "the cache knows of it", func() bool { return len(s.Unreadable()) == 1 }) // its own write may have been before it
			if _, stale := s.Stale(); stale {
				t.Error("the store is called lost")
			}
			for what, plan := range map[string]func(*snapshot) (changes, error){
				"put": put(group("a", "g")), "deletion": drop(secgroup.GroupKey(groupRef("a", "g"))), "put among others": put(account("c"), group("a", "g")),
			} {
				_, err := s.Update(within(t, patience), plan)
				var which *RecordError
				if !errors.Is(err, ErrUnreadable) || errors.Is(err, ErrUnavailable) || !errors.As(err, &which) || which.Key != key {
					t.Errorf("%s: %v, want ErrUnreadable and the key", what, err)
				}
			}
			after, err := s.link.Client.Get(t.Context(), key)
			if err != nil || string(after.Kvs[0].Value) != value {
				t.Errorf("the record is now %v, %v", after, err)
			}
			mended, err := s.link.Client.Put(t.Context(), key, `{"v":1,"name":"g2","egress":"auto","scope":"any"}`)
			if err != nil {
				t.Fatal(err)
			}
			want := ""
			for kind, r := range map[string]*recorder{"warm": &warm, "cold": &cold} {
				batches := r.await(t, mended.Header.Revision)
				if u := batches[len(batches)-1].Unreadable; len(u) != 0 {
					t.Errorf("%s: unreadable after mending are %+v", kind, u)
				}
				state := records(r.snap)[secgroup.GroupKey(groupRef("a", "g"))]
				if want == "" {
					want = state
				} else if state != want {
					t.Errorf("%s: the group is %s, the other has %s", kind, state, want)
				}
			}
			if err := s.cache().reach(within(t, patience), Write{Revision: mended.Header.Revision}); err != nil {
				t.Fatal(err)
			}
			mustUpdate(t, s, put(group("a", "g")))
		})
	}
}

// TestStandIns holds what is enforced for each kind of object, when its record
// cannot be read, against what was known.
func TestStandIns(t *testing.T) {
	addresses := func(list ...string) (all []netip.Addr) {
		for _, a := range list {
			all = append(all, netip.MustParseAddr(a))
		}
		return all
	}
	ref := groupRef("a", "g")
	listed := group("a", "g", rule("r1"), rule("r2"))
	listed.EgressPolicy, listed.IsDefault, listed.Name = secgroup.EgressListed, true, "g"
	opened := group("a", "g", rule("r1"), rule("r3"))
	opened.EgressPolicy, opened.Name = secgroup.EgressOpen, "g"
	both := *listed
	both.Rules = both.Rules[:1]
	closed := &secgroup.Group{GroupRef: ref, EgressPolicy: secgroup.EgressListed, NetworkScope: secgroup.ScopeAny, Closed: true}
	named := *closed
	named.Name, named.IsDefault = "g", true
	three, two := nic("x", "a", "n1", "10.0.0.1", "10.0.0.2", "10.0.0.3"), nic("x", "a", "n1", "10.0.0.2", "10.0.0.3", "10.0.0.4")
	three.DHCPServer, three.Enforcement, two.Enforcement = true, secgroup.EnforcementOff, secgroup.EnforcementOn
	meet := nic("x", "a", "n1", "10.0.0.2", "10.0.0.3")
	meet.Enforcement = secgroup.EnforcementOn
	other := nic("x", "a", "n2", "10.0.0.2")
	net := network("n1")
	net.VLAN, net.Gateways = 12, addresses("10.0.0.254", "10.0.0.253")
	sameNet, movedNet := *net, *net
	sameNet.Gateways, movedNet.VLAN = addresses("10.0.0.253"), 13
	oneGateway := *net
	oneGateway.Gateways = addresses("10.0.0.253")
	attachment := &secgroup.Attachment{Group: ref, NIC: "x"}
	closedAttachment := *attachment
	closedAttachment.Closed = true
	base := func(ports ...uint16) *secgroup.Baseline {
		b := &secgroup.Baseline{}
		for _, p := range ports {
			b.Addresses = append(b.Addresses, secgroup.BaselineAddress{Address: netip.MustParseAddr("1.1.1.1"), Protocol: secgroup.ProtocolUDP, Port: p})
		}
		return b
	}
	strict := &secgroup.Account{ID: "a", EgressPolicyDefault: secgroup.EgressListed, EgressOpenGuard: secgroup.GuardBlock}
	for _, c := range []struct {
		name  string
		known secgroup.Object
		value string // "" = no JSON
		of    secgroup.Object
		want  secgroup.Object // nil: absent
	}{
		{"a group known, its new record says less and more", listed, later(t, opened), listed, &both},
		{"a group whose egress was open, its new record restricts", opened, later(t, listed), opened, func() secgroup.Object {
			g := *opened
			g.Rules, g.EgressPolicy = g.Rules[:1], secgroup.EgressListed
			return &g
		}()},
		{"a group known, nothing to be read", listed, "", listed, listed},
		{"a group unknown", nil, later(t, listed), listed, &named},
		{"a group unknown, nothing to be read", nil, "", listed, closed},
		{"a NIC known", three, later(t, two), three, meet},
		{"a NIC known, nothing to be read", three, "", three, three},
		{"a NIC that moved", three, later(t, other), three, nil},
		{"a NIC unknown", nil, later(t, two), three, nil},
		{"a network known", net, later(t, &sameNet), net, &oneGateway},
		{"a network known, nothing to be read", net, "", net, net},
		{"a network that moved", net, later(t, &movedNet), net, nil},
		{"a network unknown", nil, later(t, net), net, nil},
		{"an attachment known", attachment, later(t, attachment), attachment, attachment},
		{"an attachment unknown", nil, later(t, attachment), attachment, &closedAttachment},
		{"the baseline known", base(53, 54), later(t, base(54, 55)), base(), base(54)},
		{"the baseline unknown", nil, later(t, base(54, 55)), base(), base()},
		{"an account unknown, nothing to be read", nil, "", strict, strict},
		{"an instance unknown", nil, later(t, &secgroup.Instance{InstanceRef: secgroup.InstanceRef{Account: "a", ID: "i"}, Name: "vm"}), &secgroup.Instance{InstanceRef: secgroup.InstanceRef{Account: "a", ID: "i"}},
			&secgroup.Instance{InstanceRef: secgroup.InstanceRef{Account: "a", ID: "i"}, Name: "vm"}},
	} {
		got := standIn(c.of.Key(), &mvccpb.KeyValue{Value: []byte(c.value), ModRevision: 7}, c.known)
		if diff := cmp.Diff(text(t, resolved(c.want, 7)), text(t, resolved(got, 7))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// text is an object as a record, with what is not in records.
func text(t *testing.T, o secgroup.Object) string {
	t.Helper()
	if o == nil {
		return "absent"
	}
	value, _, err := record.EncodeObject(o)
	if err != nil {
		t.Fatal(err)
	}
	switch o := o.(type) {
	case *secgroup.Group:
		if o.Closed {
			value += " closed"
		}
	case *secgroup.Attachment:
		if o.Closed {
			value += " closed"
		}
	}
	return value
}
