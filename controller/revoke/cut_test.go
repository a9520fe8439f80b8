package revoke

import (
	"net/netip"
	"testing"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/unixctl"
)

// TestCutsInTheKernel: the kernel's conntrack takes no segment for a connection's
// whose flags make no sense, and ignores a SYN in an open one; of one that is
// half-open nothing is kept.
func TestCutsInTheKernel(t *testing.T) {
	t.Parallel()
	orig := unixctl.Tuple{Src: netip.MustParseAddr("10.0.0.1"), Dst: netip.MustParseAddr("10.0.0.2"), SPort: 40000, DPort: 80}
	open := unixctl.Conn{Proto: openflow.ProtoTCP, Zone: 7, Orig: orig, State: "ESTABLISHED"}
	begun := open
	begun.State = "SYN_SENT"
	const syn, fin, ack = 2, 1, 16
	for _, c := range []struct {
		name          string
		kernel, begin bool
		conn          unixctl.Conn
		flags         byte
	}{
		{"open, userspace", false, false, open, syn | fin},
		{"half-open, userspace", false, false, begun, syn | fin},
		{"open, kernel", true, false, open, syn},
		{"half-open, kernel", true, false, begun, 0},
		{"to begin, kernel", true, true, begun, ack},
	} {
		out, gone, err := cuts(c.kernel, []unixctl.Conn{c.conn}, c.begin)
		if err != nil {
			t.Fatal(err)
		}
		if c.flags == 0 {
			if len(out) != 0 || len(gone) != 1 || gone[0] != c.conn {
				t.Errorf("%s: %d packets, deleted %+v", c.name, len(out), gone)
			}
			continue
		}
		if len(out) != 1 || len(gone) != 0 {
			t.Fatalf("%s: %d packets, deleted %+v", c.name, len(out), gone)
		}
		if got := out[0].Packet[14+20+13]; got != c.flags {
			t.Errorf("%s: TCP flags %#x, not %#x", c.name, got, c.flags)
		}
		want := ofrules.Cut(7)
		if c.kernel {
			want = ofrules.CutInKernel(7)
		}
		if out[0].Actions != want {
			t.Errorf("%s: the actions are another datapath's", c.name)
		}
	}
}
