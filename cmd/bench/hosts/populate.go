package main

import (
	"context"
	"net/netip"

	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/secgroup"
)

// writersAtOnce are how many hosts' objects are written at a time.
const writersAtOnce = 16

// populate makes an account for each host, with its NICs in one group, and a baseline.
func (b *bench) populate(ctx context.Context) error {
	writers, ctx := errgroup.WithContext(ctx)
	writers.SetLimit(writersAtOnce)
	for h := range b.hosts {
		writers.Go(func() error {
			_, err := b.api.Write(ctx, b.objects(h)...)
			return err
		})
	}
	return writers.Wait()
}

// objects are what a host has of its own.
func (b *bench) objects(h int) []secgroup.Change {
	id := account(h)
	network := &secgroup.Network{ID: "net-" + id, Type: secgroup.NetworkVPC, VPC: id}
	network.Normalize()
	all := []secgroup.Change{
		secgroup.Put(&secgroup.Account{ID: id, EgressPolicyDefault: secgroup.EgressAuto, EgressOpenGuard: secgroup.GuardAllow}), secgroup.Put(network), b.group(h, 1),
	}
	for n := range b.nics {
		all = append(all, secgroup.Put(&secgroup.NIC{
			ID: nic(h, n), Account: id, Network: network.ID, MAC: secgroup.MAC{2, 0, byte(h >> 8), byte(h), 0, byte(n)},
			Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + n)})}, Enforcement: secgroup.EnforcementOn,
		}))
	}
	return all
}
