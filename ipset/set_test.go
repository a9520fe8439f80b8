package ipset_test

import (
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"go4.org/netipx"

	"github.com/ringfence/ringfence/ipset"
)

func prefixes(s ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, s := range s {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}

func TestPrefixes(t *testing.T) {
	for _, test := range []struct {
		name      string
		set       ipset.Set
		want      []netip.Prefix
		in, notIn []string
	}{
		{"nothing", ipset.Set{}, nil, nil, []string{"10.0.0.1", "::"}},
		{"one address", ipset.OfAddrs(netip.MustParseAddr("10.0.0.1")), prefixes("10.0.0.1/32"), []string{"10.0.0.1"}, []string{"10.0.0.0", "10.0.0.2", "::a00:1"}},
		{"neighbours join", ipset.OfPrefixes(prefixes("10.0.0.0/25", "10.0.0.128/25")...), prefixes("10.0.0.0/24"), []string{"10.0.0.128"}, []string{"10.0.1.0"}},
		{"nested are one", ipset.OfPrefixes(prefixes("10.0.0.0/8", "10.1.0.0/16")...), prefixes("10.0.0.0/8"), nil, nil},
		{"neighbours that are no prefix stay two", ipset.OfPrefixes(prefixes("10.0.0.1/32", "10.0.0.2/32")...), prefixes("10.0.0.1/32", "10.0.0.2/32"), nil, nil},
		{"all of IPv4, none of IPv6", ipset.OfPrefixes(prefixes("0.0.0.0/0")...), prefixes("0.0.0.0/0"), []string{"0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"}, []string{"::", "ffff::"}},
		{"all of both", ipset.OfPrefixes(prefixes("::/0", "0.0.0.0/0")...), prefixes("0.0.0.0/0", "::/0"), []string{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}, nil},
		{"host bits do not count", ipset.OfPrefixes(prefixes("10.0.0.77/24")...), prefixes("10.0.0.0/24"), nil, nil},
		{"IPv4-mapped is IPv4", ipset.OfPrefixes(prefixes("::ffff:10.0.0.0/104")...), prefixes("10.0.0.0/8"), []string{"10.255.255.255"}, []string{"11.0.0.0"}},
		{"invalid is nothing", ipset.OfPrefixes(netip.Prefix{}).Union(ipset.OfAddrs(netip.Addr{})), nil, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := test.set.Prefixes(); !slices.Equal(got, test.want) {
				t.Errorf("prefixes %v, want %v", got, test.want)
			}
			for _, a := range test.in {
				if !test.set.Contains(netip.MustParseAddr(a)) {
					t.Errorf("%s is not in", a)
				}
			}
			for _, a := range test.notIn {
				if test.set.Contains(netip.MustParseAddr(a)) {
					t.Errorf("%s is in", a)
				}
			}
			if test.set.Contains(netip.Addr{}) {
				t.Error("no address is in")
			}
		})
	}
}

// drawn makes a set of at most 8 prefixes that lie close together, and the
// same of netipx.
func drawn(bytes []byte) (ipset.Set, *netipx.IPSet) {
	var all []netip.Prefix
	var b netipx.IPSetBuilder
	for ; len(bytes) >= 3 && len(all) < 8; bytes = bytes[3:] {
		var a netip.Addr
		switch bytes[0] % 4 { // the low end, a place inside, the high end, IPv6's high end
		case 0:
			a = netip.AddrFrom4([4]byte{0, 0, 0, bytes[1]})
		case 1:
			a = netip.AddrFrom4([4]byte{10, 0, bytes[1] & 1, bytes[1]})
		case 2:
			a = netip.AddrFrom4([4]byte{255, 255, 255, bytes[1]})
		case 3:
			a16 := [16]byte{15: bytes[1]}
			if bytes[0] >= 128 {
				for i := range 15 {
					a16[i] = 255
				}
			}
			a = netip.AddrFrom16(a16)
		}
		bits := a.BitLen() - int(bytes[2]%10)
		if bytes[2] >= 250 {
			bits = 0
		}
		p := netip.PrefixFrom(a, bits)
		all = append(all, p)
		b.AddPrefix(p.Masked())
	}
	set, err := b.IPSet()
	if err != nil {
		panic(err)
	}
	return ipset.OfPrefixes(all...), set
}

// agree compares all operations on two sets with netipx's.
func agree(t *testing.T, x, y []byte) {
	t.Helper()
	a, wantA := drawn(x)
	b, wantB := drawn(y)
	build := func(f func(*netipx.IPSetBuilder)) []netip.Prefix {
		var builder netipx.IPSetBuilder
		builder.AddSet(wantA)
		f(&builder)
		set, err := builder.IPSet()
		if err != nil {
			t.Fatal(err)
		}
		return set.Prefixes()
	}
	for _, test := range []struct {
		name string
		got  ipset.Set
		want []netip.Prefix
	}{
		{"a", a, wantA.Prefixes()},
		{"union", a.Union(b), build(func(s *netipx.IPSetBuilder) { s.AddSet(wantB) })},
		{"intersection", a.Intersect(b), build(func(s *netipx.IPSetBuilder) { s.Intersect(wantB) })},
		{"difference", a.Subtract(b), build(func(s *netipx.IPSetBuilder) { s.RemoveSet(wantB) })},
	} {
		if got := test.got.Prefixes(); !slices.Equal(got, test.want) {
			t.Fatalf("%s of %v and %v: %v, want %v", test.name, a.Prefixes(), b.Prefixes(), got, test.want)
		}
		if !test.got.Equal(ipset.OfPrefixes(test.want...)) || test.got.IsEmpty() != (len(test.want) == 0) {
			t.Fatalf("%s of %v and %v is not in its one form: %v", test.name, a.Prefixes(), b.Prefixes(), test.got.Ranges())
		}
		for _, r := range test.got.Ranges() {
			for _, at := range []netip.Addr{r.First, r.Last} {
				if !test.got.Contains(at) || test.got.Contains(r.First.Prev()) || test.got.Contains(r.Last.Next()) {
					t.Fatalf("%s: ends of %v", test.name, r)
				}
			}
		}
	}
	if got, want := a.Equal(b), reflect.DeepEqual(wantA.Ranges(), wantB.Ranges()); got != want {
		t.Fatalf("equal %v, want %v", got, want)
	}
}

func TestAgainstNetipx(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 5000 {
		bytes := make([]byte, 48)
		for i := range bytes {
			bytes[i] = byte(r.Uint32())
		}
		agree(t, bytes[:3*r.IntN(9)], bytes[24:24+3*r.IntN(9)])
	}
}

func FuzzAlgebra(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 77, 3}, []byte{2, 255, 0})
	f.Fuzz(agree)
}
