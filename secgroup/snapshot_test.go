package secgroup_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

// load applies objects to an empty snapshot.
func load(objects ...secgroup.Object) *secgroup.Snapshot {
	s := secgroup.NewSnapshot()
	var changes []secgroup.Change
	for _, o := range objects {
		changes = append(changes, secgroup.Put(o))
	}
	s, _ = s.With(1, changes)
	return s
}

func network(id, domain string) *secgroup.Network {
	return &secgroup.Network{ID: id, Type: "flat", RoutingDomain: domain}
}

func group(ref secgroup.GroupRef, isDefault bool) *secgroup.Group {
	return &secgroup.Group{GroupRef: ref, Name: ref.ID, IsDefault: isDefault, EgressPolicy: "auto", NetworkScope: "any"}
}

func nic(id, net string, addresses ...string) *secgroup.NIC {
	n := &secgroup.NIC{ID: id, Account: "a", Network: net}
	for _, a := range addresses {
		n.Addresses = append(n.Addresses, addr(a))
	}
	return n
}

// TestAnyOrder: a NIC with all that concerns it comes right in whatever order
// the objects appear, one by one.
func TestAnyOrder(t *testing.T) {
	n := nic("n1", "net", "10.0.0.1")
	n.Instance = "vm"
	byInstance := secgroup.GroupRef{Account: "a", ID: "by-instance"}
	objects := []secgroup.Object{
		&secgroup.Account{ID: "a"}, network("net", "d"), n, group(web, false), group(byInstance, false),
		&secgroup.Attachment{Group: web, NIC: "n1"}, &secgroup.Attachment{Group: byInstance, Instance: "vm"},
	}
	var permute func(done, left []secgroup.Object)
	permute = func(done, left []secgroup.Object) {
		if len(left) > 0 {
			for i := range left {
				permute(append(slices.Clone(done), left[i]), append(slices.Clone(left[:i]), left[i+1:]...))
			}
			return
		}
		s := secgroup.NewSnapshot()
		for _, o := range done {
			s, _ = s.With(1, []secgroup.Change{secgroup.Put(o)})
		}
		got := s.EffectiveGroups(n)
		want := []secgroup.Effective{{Group: byInstance, Via: "instance"}, {Group: web, Via: "nic"}}
		if !slices.Equal(got, want) || !s.IsMember(web, "d", addr("10.0.0.1")) || s.Domain(n) != "d" {
			t.Fatalf("%v after %v", got, done)
		}
	}
	permute(nil, objects)
}

func TestWhatIsAbsent(t *testing.T) {
	s := secgroup.NewSnapshot()
	for _, k := range []secgroup.Key{
		secgroup.AccountKey("a"), secgroup.NetworkKey("n"), secgroup.NICKey("n"), secgroup.InstanceKey(secgroup.InstanceRef{Account: "a", ID: "i"}),
		secgroup.GroupKey(web), secgroup.AttachmentKey(secgroup.Attachment{Group: web, NIC: "n"}), {},
	} {
		if o := s.Get(k); o != nil {
			t.Errorf("%v is %v", k, o)
		}
		if _, touched := s.With(1, []secgroup.Change{secgroup.Delete(k)}); len(touched.NICs) > 0 {
			t.Errorf("deleting %v touched %v", k, touched)
		}
	}
	if s.Baseline() == nil || s.Get(secgroup.BaselineKey()) == nil {
		t.Error("no baseline")
	}
	if s.NICsByAddress("", netip.Addr{}) != nil || s.IsMember(web, "", netip.Addr{}) || s.Members(web) != nil || s.Groups("a") != nil {
		t.Error("something in an empty snapshot")
	}
	stranger := nic("stranger", "nowhere", "10.0.0.1")
	if len(s.EffectiveGroups(stranger)) > 0 || s.Domain(stranger) != "" || s.Judges(web, stranger) {
		t.Error("a stranger is judged")
	}
}

// TestWithoutNetwork: while its network is absent a NIC's addresses are nobody's.
func TestWithoutNetwork(t *testing.T) {
	n := nic("n1", "net", "10.0.0.1")
	s := load(n, group(web, true))
	if !s.Judges(web, n) || len(s.MemberNICs(web)) != 1 {
		t.Error("no member")
	}
	if len(s.Members(web)) != 0 || s.IsMember(web, "", addr("10.0.0.1")) || s.NICsByAddress("", addr("10.0.0.1")) != nil {
		t.Error("an address in no domain")
	}
	s, touched := s.With(2, []secgroup.Change{secgroup.Put(network("net", "d"))})
	if _, ok := touched.NICs["n1"]; !ok || !s.IsMember(web, "d", addr("10.0.0.1")) {
		t.Errorf("%+v", touched)
	}
}

// TestNICThatIsNotYetThere: G(n) of a NIC that is about to be put is that after it is.
func TestNICThatIsNotYetThere(t *testing.T) {
	s := load(network("net", "d"), group(web, false), group(secgroup.GroupRef{Account: "a", ID: "default"}, true),
		nic("n1", "net"), &secgroup.Attachment{Group: web, Instance: "vm"})
	moved := *s.NIC("n1")
	moved.Instance = "vm"
	for _, n := range []*secgroup.NIC{&moved, {ID: "n2", Account: "a", Network: "net", Instance: "vm"}} {
		before := s.EffectiveGroups(n)
		s, _ = s.With(2, []secgroup.Change{secgroup.Put(n)})
		if after := s.EffectiveGroups(s.NIC(n.ID)); !slices.Equal(before, after) || before[0].Via != "instance" {
			t.Errorf("%v, then %v", before, after)
		}
	}
}

func TestSharedAddress(t *testing.T) {
	holder := nic("z-own", "net", "10.0.0.9", "::ffff:10.0.0.8")
	a, b := nic("a", "net"), nic("b", "net")
	a.AllowedAddresses = []netip.Prefix{cidr("10.0.0.9/32"), cidr("10.0.0.0/24")}
	b.AllowedAddresses = []netip.Prefix{cidr("10.0.0.9/32")}
	s := load(network("net", "d"), b, holder, a)
	var order []string
	for _, n := range s.NICsByAddress("d", addr("10.0.0.9")) {
		order = append(order, n.ID)
	}
	if !slices.Equal(order, []string{"z-own", "a", "b"}) {
		t.Errorf("%v: not those first whose own it is", order)
	}
	if got := s.NICsByAddress("d", addr("::ffff:10.0.0.8")); len(got) != 1 || got[0] != holder {
		t.Errorf("an IPv4-mapped address is held by %v", got)
	}
	if s.NICsByAddress("d", addr("10.0.0.7")) != nil {
		t.Error("a wide prefix makes members")
	}
	if got := secgroup.MemberAddresses(holder); !slices.Equal(got, []netip.Addr{addr("10.0.0.8"), addr("10.0.0.9")}) {
		t.Errorf("%v", got)
	}
}

// TestMalformedChanges: what names nothing is ignored.
func TestMalformedChanges(t *testing.T) {
	s := load(&secgroup.Attachment{Group: web}, &secgroup.Attachment{Group: web, NIC: "n", Instance: "i"})
	s, _ = s.With(2, []secgroup.Change{{}, {Key: secgroup.Key{Kind: 99}}, secgroup.Delete(secgroup.AttachmentKey(secgroup.Attachment{Group: web}))})
	if n := secgroup.Nodes(s); n != 0 {
		t.Errorf("%d nodes", n)
	}
}
