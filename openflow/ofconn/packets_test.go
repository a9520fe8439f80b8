package ofconn_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
)

func TestPacketOutComesBackIn(t *testing.T) {
	t.Parallel()
	v := startSwitch(t)
	v.AddPort("br-int", "p1", 1, "")
	c := dialSwitch(t, v)
	packets, err := c.PacketIns(testContext(t), 10)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.PacketIns(testContext(t), 10); !errors.Is(err, ofconn.ErrSubscribed) {
		t.Errorf("a second subscriber: %v", err)
	}
	err = c.Bundle(testContext(t), []wire.FlowMod{wire.AddFlow(openflow.Flow{Cookie: 0xc0, Actions: openflow.MustActions(
		openflow.SetField{Field: openflow.Reg(3), Value: 33},
		openflow.Controller{MaxLen: openflow.NoBuffer, UserData: []byte("why")})})})
	if err != nil {
		t.Fatal(err)
	}
	frame := append([]byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5}, make([]byte, 50)...)
	err = c.PacketOut(testContext(t), wire.PacketOut{InPort: 1, Packet: frame,
		Actions: openflow.MustActions(openflow.Output{Port: openflow.PortTable})})
	if err != nil {
		t.Fatal(err)
	}
	select {
	case p := <-packets:
		reg, _, _ := p.Metadata.Uint64(openflow.Reg(3))
		if p.Cookie != 0xc0 || string(p.UserData) != "why" || !slices.Equal(p.Packet, frame) || reg != 33 {
			t.Errorf("packet-in is %+v", p)
		}
	case <-time.After(time.Minute):
		t.Fatal("no packet-in")
	}
	err = c.PacketOut(testContext(t), wire.PacketOut{InPort: 1, Packet: frame,
		Actions: openflow.MustActions(openflow.Group{ID: 5})})
	var refused wire.Error
	if !errors.As(err, &refused) {
		t.Errorf("a packet out to no group: %v", err)
	}
}

func TestMetersAreRead(t *testing.T) {
	t.Parallel()
	c := dialSwitch(t, startSwitch(t))
	want := []wire.MeterConfig{}
	for id := range uint32(3) {
		m := wire.MeterConfig{ID: 0x52470000 | id, Flags: wire.MeterPktps | wire.MeterBurst, Bands: []wire.MeterBand{{Type: wire.BandDrop, Rate: 10 + id, Burst: 5}}}
		if err := c.Apply(testContext(t), wire.MeterMod{Meter: m}); err != nil {
			t.Fatal(err)
		}
		want = append(want, m)
	}
	got, err := c.Meters(testContext(t))
	slices.SortFunc(got, func(a, b wire.MeterConfig) int { return int(a.ID) - int(b.ID) })
	if err != nil || !slices.EqualFunc(got, want, func(a, b wire.MeterConfig) bool {
		return a.ID == b.ID && a.Flags == b.Flags && slices.Equal(a.Bands, b.Bands)
	}) {
		t.Errorf("meters %+v, %v, want %+v", got, err, want)
	}
}
