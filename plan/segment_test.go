package plan

import (
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/ringfence/ringfence/secgroup"
)

// want applies a plan, or wants it to be refused with a code.
func (w *town) want(code string, r Result, err error) {
	w.t.Helper()
	if code == "" {
		w.do(r, err)
		return
	}
	var conflict *Conflict
	if !errors.As(err, &conflict) || conflict.Code != code {
		w.t.Errorf("%+v, %v; want the conflict %s", r, err, code)
	}
}

// What was together before it was refused stays, and may be changed in all else;
// it comes apart, and not together again.
func TestOldSharersOfASegmentStay(t *testing.T) {
	w := newTown(t)
	mac := secgroup.MAC{2, 0xaa}
	old := func(id, network string) secgroup.NIC {
		return secgroup.NIC{ID: id, Account: "acme", Network: network, MAC: mac, Enforcement: secgroup.EnforcementOn}
	}
	x, y := old("x", "net"), old("y", "net")
	blue := secgroup.Network{ID: "blue", Type: secgroup.NetworkVPC, VPC: "blue", RoutingDomain: "vpc:blue"}
	w.s, _ = w.s.With(w.s.Revision()+1, []secgroup.Change{secgroup.Put(nicOf("x", "net", mac)), secgroup.Put(nicOf("y", "net", mac)), secgroup.Put(vlanOf("blue", "vpc:blue", 0))})

	x.DHCPServer = true
	w.do(PutNIC(w.s, &w.req, x))
	blue.Gateways = []netip.Addr{netip.MustParseAddr("10.0.0.254")}
	w.do(PutNetwork(w.s, &w.req, blue))
	apart := y
	apart.MAC = secgroup.MAC{2, 0xab}
	w.do(PutNIC(w.s, &w.req, apart))
	r, err := PutNIC(w.s, &w.req, y)
	w.want(CodeMACInUse, r, err)
	blue.VLAN = 7
	w.do(PutNetwork(w.s, &w.req, blue))
	blue.VLAN = 0
	r, err = PutNetwork(w.s, &w.req, blue)
	w.want(CodeVLANInUse, r, err)
}

// Steps that are made together see each other: a MAC that an earlier one takes is
// taken, and one that it gives up is free.
func TestSegmentsInSequences(t *testing.T) {
	a, b := secgroup.MAC{2, 0xaa}, secgroup.MAC{2, 0xbb}
	for name, tt := range map[string]struct {
		steps []secgroup.Object
		code  string
	}{
		"two NICs, one MAC":       {[]secgroup.Object{nicOf("x", "net", a), nicOf("y", "net", a)}, CodeMACInUse},
		"in two networks of one":  {[]secgroup.Object{vlanOf("net-2", "provider", 0), nicOf("x", "net", a), nicOf("y", "net-2", a)}, CodeMACInUse},
		"in two segments":         {[]secgroup.Object{vlanOf("net-2", "provider", 7), nicOf("x", "net", a), nicOf("y", "net-2", a)}, ""},
		"the second one moves":    {[]secgroup.Object{vlanOf("net-2", "provider", 7), nicOf("x", "net", a), nicOf("y", "net-2", a), vlanOf("net-2", "provider", 0)}, CodeMACInUse},
		"by way of a third":       {[]secgroup.Object{nicOf("x", "net", a), nicOf("y", "net", b), nicOf("x", "net", secgroup.MAC{2, 0xcc}), nicOf("y", "net", a), nicOf("x", "net", b)}, ""},
		"two domains, one VLAN":   {[]secgroup.Object{vlanOf("blue", "vpc:blue", 7), vlanOf("red", "vpc:red", 7)}, CodeVLANInUse},
		"one domain, two of them": {[]secgroup.Object{vlanOf("blue", "vpc:blue", 7), vlanOf("blue-2", "vpc:blue", 7)}, ""},
		"one leaves, one comes":   {[]secgroup.Object{vlanOf("blue", "vpc:blue", 7), vlanOf("blue", "vpc:blue", 8), vlanOf("red", "vpc:red", 7)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t)
			var steps []Step
			for _, o := range tt.steps {
				steps = append(steps, Step{Plan: func(p *secgroup.Snapshot) (Result, error) {
					switch o := o.(type) {
					case *secgroup.NIC:
						return PutNIC(p, w.req.Step(Condition{}, nil), *o)
					case *secgroup.Network:
						return PutNetwork(p, w.req.Step(Condition{}, nil), *o)
					}
					return Result{}, nil
				}})
			}
			r, _, err := Sequence(w.s, &w.req, steps)
			if refusals, ok := errors.AsType[Refusals](err); ok {
				err = refusals[len(refusals)-1].Err
			}
			w.want(tt.code, r, err)
		})
	}
}

func nicOf(id, network string, mac secgroup.MAC) *secgroup.NIC {
	return &secgroup.NIC{ID: id, Account: "acme", Network: network, MAC: mac}
}

func vlanOf(id, domain string, vlan uint16) *secgroup.Network {
	return &secgroup.Network{ID: id, Type: secgroup.NetworkFlat, RoutingDomain: domain, VLAN: vlan}
}

// Prefixes of a network and addresses of its NICs hold each other: neither may
// change so that an address is outside, but one that was outside before is no
// hindrance to the network.
func TestPrefixesHoldTheAddresses(t *testing.T) {
	w := newTown(t)
	with := func(prefixes ...string) secgroup.Network {
		n := secgroup.Network{ID: "net", Type: secgroup.NetworkFlat}
		for _, p := range prefixes {
			n.Prefixes = append(n.Prefixes, netip.MustParsePrefix(p))
		}
		return n
	}
	refused := func(want string, _ Result, err error) {
		t.Helper()
		var faults secgroup.Faults
		errors.As(err, &faults)
		var at []string
		for _, f := range faults {
			at = append(at, f.Pointer)
		}
		if !slices.Equal(at, []string{want}) {
			t.Errorf("%v, want a fault at %s", err, want)
		}
	}
	put := func(addresses ...string) (Result, error) {
		n := *nicOf("x", "net", secgroup.MAC{2, 0xaa})
		for _, a := range addresses {
			n.Addresses = append(n.Addresses, netip.MustParseAddr(a))
		}
		return PutNIC(w.s, &w.req, n)
	}
	w.do(put("192.0.2.1", "fd00::1")) // there are no prefixes yet
	r, err := PutNetwork(w.s, &w.req, with("10.0.0.0/24"))
	refused("/prefixes", r, err)
	w.do(PutNetwork(w.s, &w.req, with("10.0.0.0/24", "192.0.2.0/24"))) // none of IPv6: any will do
	r, err = put("192.0.2.1", "192.0.3.1", "fd00::1")
	refused("/addresses/1", r, err)
	r, err = PutNetwork(w.s, &w.req, with("10.0.0.0/24", "192.0.2.0/24", "fd01::/64"))
	refused("/prefixes", r, err)

	outside := *nicOf("y", "net", secgroup.MAC{2, 0xbb})
	outside.Addresses = []netip.Addr{netip.MustParseAddr("198.51.100.1")} // from before this was refused
	w.s, _ = w.s.With(w.s.Revision()+1, []secgroup.Change{secgroup.Put(&outside)})
	w.do(PutNetwork(w.s, &w.req, with("10.0.0.0/25", "192.0.2.0/24")))
}
