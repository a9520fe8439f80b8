package revoke

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/ringfence/ringfence/internal/policytest"
	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/unixctl"
)

// TestOthersConnectionsAreNotListed: what a change may take away of one NIC is found
// without the switch writing down the connections of others, however many there are.
func TestOthersConnectionsAreNotListed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := small.New()
		host := &known{snap: policytest.Load(append(p.Base(), secgroup.Put(small.NIC(1)), secgroup.Put(small.NIC(2))))}
		ping := func(zone, id uint16) unixctl.Conn { // from an address that nobody lets in
			return unixctl.Conn{Proto: 1, Zone: zone, Orig: unixctl.Tuple{Src: small.Address4(99), Dst: small.Address4(int(zone)), ICMPType: 8, ICMPID: id}}
		}
		tracking := &fakeTracking{conns: []unixctl.Conn{ping(1, 1)}}
		const others = 20_000
		for id := range uint16(others) {
			tracking.conns = append(tracking.conns, ping(2, id))
		}
		s := tracking.sweeper(host, nil, &said{})
		ctx, cancel := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() { _ = s.Run(ctx) })
		s.Expect(Work{Lost: LostNICs("a1")})
		s.Add(Job{Rev: 1, NICs: inZones{"a1", "a2"}})
		synctest.Wait()
		if left := tracking.left(); len(left) != others || left[0] != 2 {
			t.Errorf("%d connections are left, want those of a2 alone", len(left))
		}
		if tracking.wrote == 0 || tracking.wrote > 10 {
			t.Errorf("the switch wrote down %d connections, and a1 has one", tracking.wrote)
		}
		cancel()
		work.Wait()
	})
}
