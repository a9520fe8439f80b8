package policing

import (
	"testing"

	"github.com/mdlayher/netlink"
	"github.com/mdlayher/netlink/nltest"
	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/ovsdb"
)

// What the kernel answers of a device that Open vSwitch has it police: a filter of the
// kind matchall, with one action, police, which has the rate.
func TestKernelAnswersWithTheRate(t *testing.T) {
	t.Parallel()
	const kind, options, matchallActions, actionOptions = 1, 2, 2, 2 // linux/pkt_cls.h
	filter := netlink.NewAttributeEncoder()
	filter.String(kind, "matchall")
	filter.Nested(options, func(matchall *netlink.AttributeEncoder) error {
		matchall.Nested(matchallActions, func(actions *netlink.AttributeEncoder) error {
			actions.Nested(1, func(action *netlink.AttributeEncoder) error {
				action.String(kind, "police")
				action.Nested(actionOptions, func(police *netlink.AttributeEncoder) error {
					police.Uint64(policePacketRate, 20_000)
					return nil
				})
				return nil
			})
			return nil
		})
		return nil
	})
	attributes, err := filter.Encode()
	if err != nil {
		t.Fatal(err)
	}
	conn := nltest.Dial(func(asked []netlink.Message) ([]netlink.Message, error) {
		if len(asked) != 1 || asked[0].Header.Type != unix.RTM_GETTFILTER || len(asked[0].Data) != 20 {
			t.Errorf("asked for %+v, want the filters of a device", asked)
		}
		return nltest.Multipart([]netlink.Message{
			{Header: asked[0].Header, Data: append(make([]byte, 20), attributes...)},
			{Header: asked[0].Header, Data: make([]byte, 20)},
		})
	})
	defer func() { _ = conn.Close() }()
	for rate, want := range map[int]bool{20: true, 30: false} {
		if held, err := polices(conn, 7, ovsdb.Policing{Rate: rate}); err != nil || held != want {
			t.Errorf("with a limit of %d,000 packets a second it is held %v, %v, want %v", rate, held, err, want)
		}
	}
}
