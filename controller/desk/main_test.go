package desk

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/ringfence/ringfence/internal/turn"
	"github.com/ringfence/ringfence/secgroup"
)

func TestMain(m *testing.M) {
	turn.Take()
	goleak.VerifyTestMain(m)
}

const (
	bridge   = "br-int"
	patience = 2 * time.Minute
)

// nic is the NIC number n, "a<n>".
func nic(n byte) *secgroup.NIC {
	nic := &secgroup.NIC{ID: fmt.Sprintf("a%d", n), MAC: secgroup.MAC{2, 0, 0, 0, 0, n}, Addresses: []netip.Addr{address4(n), address6(n)}}
	nic.Normalize()
	return nic
}

func address4(n byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, n}) }

func address6(n byte) netip.Addr { return netip.AddrFrom16([16]byte{0: 0xfd, 15: n}) }
