package wire

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/ringfence/ringfence/internal/ovstest"
	"github.com/ringfence/ringfence/openflow"
)

// conjunctions is n actions for one flow.
func conjunctions(n int) []openflow.Action {
	list := make([]openflow.Action, n)
	for i := range list {
		list[i] = openflow.Conjunction{ID: uint32(i), Clause: 1, Of: 2}
	}
	return list
}

// TestLargestFlow finds the largest flow that the codec lets through, and has
// a switch take it in a bundle and give it back in a dump.
func TestLargestFlow(t *testing.T) {
	t.Parallel()
	v := ovstest.Start(t, ovstest.Options{})
	v.AddBridge("br0")
	s := dialSwitch(t, v, "br0")
	terms := []openflow.Term{openflow.EthType.Is(openflow.EthTypeIPv6), openflow.IPProto.Is(openflow.ProtoTCP), openflow.IPv6Src.IsAddr(netip.MustParseAddr("2001:db8::1")),
		openflow.CTState.Is(openflow.CTTrk | openflow.CTNew), openflow.TCPFlags.Is(openflow.TCPSyn), openflow.IPFrag.IsMasked(0, openflow.FragLater)}
	for n := 0; n < 16; n += 2 {
		terms = append(terms, openflow.Reg(n).Is(uint64(n)))
	}
	match := openflow.MustMatch(terms...)
	encode := func(n int) (openflow.Flow, error) {
		actions, err := openflow.NewActions(conjunctions(n)...)
		if err != nil {
			return openflow.Flow{}, err
		}
		f := openflow.Flow{Match: match, Actions: actions}
		_, err = Append(nil, 1, BundleAdd{Message: AddFlow(f)})
		return f, err
	}
	n := 4000
	largest, err := encode(n)
	if err != nil {
		t.Fatalf("%d conjunctions: %v", n, err)
	}
	for {
		f, err := encode(n + 1)
		if errors.Is(err, openflow.ErrTooLong) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		largest, n = f, n+1
	}
	t.Logf("%d conjunctions", n)
	s.commit(AddFlow(largest))
	if got := s.dump(0, 0); len(got) != 1 || got[0] != largest {
		t.Errorf("%d flows came back", len(got))
	}
}

// TestTooLong has every way to be too long refused, at any size.
func TestTooLong(t *testing.T) {
	big := make([]byte, 70000)
	for name, try := range map[string]func() error{
		"conjunctions": func() error { _, err := openflow.NewActions(conjunctions(4500)...); return err },
		"note":         func() error { _, err := openflow.NewActions(openflow.Note{Data: big}); return err },
		"user data":    func() error { _, err := openflow.NewActions(openflow.Controller{UserData: big}); return err },
		"clone": func() error {
			_, err := openflow.NewActions(openflow.Clone{Actions: []openflow.Action{openflow.Note{Data: big[:40000]}, openflow.Note{Data: big[:40000]}}})
			return err
		},
		"echo":       func() error { _, err := Append(nil, 1, EchoRequest{big}); return err },
		"packet out": func() error { _, err := Append(nil, 1, PacketOut{InPort: 1, Packet: big}); return err },
		"packet in":  func() error { _, err := Append(nil, 1, PacketIn{Packet: big}); return err },
		"dump": func() error {
			f := FlowStats{Flow: openflow.Flow{Actions: openflow.MustActions(conjunctions(3000)...)}}
			_, err := Append(nil, 1, FlowDescReply{Flows: []FlowStats{f, f}})
			return err
		},
		"meter": func() error {
			_, err := Append(nil, 1, MeterConfigReply{Meters: []MeterConfig{{Bands: make([]MeterBand, 5000)}}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := try(); !errors.Is(err, openflow.ErrTooLong) {
				t.Errorf("error is %v, want ErrTooLong", err)
			}
		})
	}
}
