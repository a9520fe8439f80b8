package main

import (
	"context"

	"github.com/ringfence/ringfence/internal/ovsproc"
	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
)

// tracked has every IPv4 packet tracked at both ends, in the zone of each, and nothing
// judged: what costs more than this is due to rules, and the rest is due to conntrack.
func (s *site) tracked(ctx context.Context, _ policy) error {
	if err := s.plug(ctx, ovsproc.Bridge{Name: s.name, FailMode: "secure", Protocols: []string{"OpenFlow13", "OpenFlow15"}}); err != nil {
		return err
	}
	const ( // tables
		entry = iota
		sent
		received
	)
	var flows []of.Flow
	add := func(table uint8, match []of.Term, actions ...of.Action) {
		flows = append(flows, of.Flow{Table: table, Priority: 1, Match: of.MustMatch(append(match, of.EthType.Is(of.EthTypeIPv4))...), Actions: of.MustActions(actions...)})
	}
	for i := range uint64(2) {
		from, to := i+1, 2-i // ofports
		fromZone, toZone := uint16(60003+i), uint16(60004-i)
		port := of.InPort.Is(from)
		fresh := of.CTState.IsMasked(of.CTNew|of.CTTrk, of.CTNew|of.CTInv|of.CTTrk)
		known := of.CTState.IsMasked(of.CTEst|of.CTTrk, of.CTEst|of.CTNew|of.CTInv|of.CTTrk)
		commit := func(zone uint16) of.Action { return of.CT{Commit: true, Zone: zone, Table: of.NoTable} }
		add(entry, []of.Term{port}, of.CT{Zone: fromZone, Table: sent})
		add(sent, []of.Term{port, fresh}, commit(fromZone), of.CT{Zone: toZone, Table: received})
		add(sent, []of.Term{port, known}, of.CT{Zone: toZone, Table: received})
		add(received, []of.Term{port, fresh}, commit(toZone), of.Output{Port: uint32(to)})
		add(received, []of.Term{port, known}, of.Output{Port: uint32(to)})
	}
	return s.program(ctx, flows)
}

// program gives a bridge its flows.
func (s *site) program(ctx context.Context, flows []of.Flow) error {
	conn, err := ofconn.Dial(ctx, s.ovs.MgmtSock(s.name), ofconn.Options{})
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Bundle(ctx, additions(flows))
}

func additions(flows []of.Flow) (mods []wire.FlowMod) {
	for _, f := range flows {
		mods = append(mods, wire.AddFlow(f))
	}
	return mods
}
