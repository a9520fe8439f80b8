package main

import (
	"context"
	"errors"
	"maps"
	"net/netip"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/bench/internal/changes"
	"github.com/ringfence/ringfence/internal/flowwatch"
	"github.com/ringfence/ringfence/internal/lines"
	"github.com/ringfence/ringfence/internal/stack"
	of "github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/store/bare"
)

// limitBridge is a bridge that has no controller.
const limitBridge = "br-limit"

// Who writes to etcd there.
const (
	ofPolicy = iota
	ofReports
)

// limit measures what a rule cannot be quicker than, by the figures NAME_add and NAME_del of
// changes: a transaction as large as the one that writes such a rule, told to another connection
// by a watch, a bundle of as many flows, and a transaction and a watch for the word that it is in
// force. Nothing is served, planned or compiled, no cached megaflow is looked at, and all but etcd
// and the switch is in this process. The flows are those of limitBridge.
func (b *bench) limit(ctx context.Context, name string, reps int, group, rule string, more lines.Members) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	revision, flows, err := b.cost(ctx, group, rule)
	if err != nil {
		return err
	}
	var writers [2]*bare.Writer // of whom writes the policy, and of the host
	for i := range writers {
		if writers[i], err = bare.Open(ctx, b.stack.EtcdURL(), revision); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, writers[i].Close()) }()
	}
	conn, err := ofconn.Dial(ctx, b.host.OVS.MgmtSock(limitBridge), ofconn.Options{})
	if err != nil {
		return err
	}
	defer conn.Close()
	policy, err := writers[1].Follow(ctx, ofPolicy)
	if err != nil {
		return err
	}
	reports, err := writers[0].Follow(ctx, ofReports)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() {
		forth, back := bundles(flows)
		for range policy {
			err := conn.Bundle(ctx, forth)
			if err == nil {
				err = writers[1].Commit(ctx, ofReports)
			}
			if err != nil {
				failed <- err
				return
			}
			forth, back = back, forth
		}
	}()
	there := *b
	if there.watch, err = flowwatch.Start(ctx, b.host.OVS, limitBridge); err != nil {
		return err
	}
	defer there.watch.Close()
	one := func(ctx context.Context, _ int, _ ...client.CallOption) error {
		if err := writers[0].Commit(ctx, ofPolicy); err != nil {
			return err
		}
		select {
		case <-reports:
			return nil
		case err := <-failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	members := lines.Members{"flows": flows}
	maps.Copy(members, more)
	return there.changes(ctx, name+"_add", name+"_del", reps, one, one, members)
}

// cost makes a rule, and takes it back: it was written at the revision, and is so many flows.
func (b *bench) cost(ctx context.Context, group, rule string) (revision int64, flows int, err error) {
	spec, err := stack.ParseRule(rule)
	if err != nil {
		return 0, 0, err
	}
	s := &changes.Series{}
	if err := b.measure(ctx, s, 0, func(ctx context.Context, _ int, opts ...client.CallOption) error {
		r, err := b.write.api.PutRule(ctx, account, group, "like", spec, opts...)
		revision = r.Revision
		return err
	}); err != nil {
		return 0, 0, err
	}
	return revision, int(s.Events[0]), b.write.api.DeleteRule(ctx, account, group, "like", client.Wait(longest))
}

// bundles add so many flows, and delete them. They are like those of a member's address.
func bundles(flows int) (add, remove []wire.FlowMod) {
	actions := of.MustActions(of.SetField{Field: of.Reg(8), Value: 1}, of.Goto{Table: 2})
	for i := range flows {
		from := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		f := of.Flow{Table: 1, Priority: 100, Match: of.MustMatch(of.EthType.Is(of.EthTypeIPv4), of.Reg(4).Is(1), of.IPv4Src.IsAddr(from)), Actions: actions}
		add, remove = append(add, wire.AddFlow(f)), append(remove, wire.DeleteFlow(f.Key()))
	}
	return add, remove
}
