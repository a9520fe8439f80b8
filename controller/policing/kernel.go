package policing

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/ovsdb"
)

// Kernel asks the kernel what it polices by rtnetlink(7), in the network namespace of
// a process whose directory below /proc Process returns.
type Kernel struct {
	Process func() (dir string, err error)
}

// kernelAnswers bounds how long the kernel may take to answer for all devices.
const kernelAnswers = 5 * time.Second

// Polices tells which devices the kernel holds to a limit.
func (k Kernel) Polices(devices []uint32, limit ovsdb.Policing) (map[uint32]bool, error) {
	dir, err := k.Process()
	if err != nil {
		return nil, err
	}
	conn, err := dialIn(filepath.Join(dir, "ns/net"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(kernelAnswers)); err != nil {
		return nil, err
	}
	held := map[uint32]bool{}
	for _, device := range devices {
		if held[device], err = polices(conn, device, limit); err != nil {
			return nil, fmt.Errorf("filters of device %d: %w", device, err)
		}
	}
	return held, nil
}

// dialIn opens a socket of rtnetlink in a network namespace. To enter another one than its
// own a process needs CAP_SYS_ADMIN.
func dialIn(namespace string) (*netlink.Conn, error) {
	there, err := os.Open(namespace)
	if err != nil {
		return nil, err
	}
	defer func() { _ = there.Close() }()
	config := &netlink.Config{}
	if !isOwn(there) {
		config.NetNS = int(there.Fd())
	}
	return netlink.Dial(unix.NETLINK_ROUTE, config)
}

// isOwn tells whether a network namespace is the one of this process.
func isOwn(namespace *os.File) bool {
	there, err := namespace.Stat()
	if err != nil {
		return false
	}
	here, err := os.Stat("/proc/self/ns/net")
	return err == nil && os.SameFile(here, there)
}

// ingress is the qdisc that Open vSwitch has a device policed by (linux/pkt_sched.h).
const ingress = 0xffff0000

// policePacketRate is TCA_POLICE_PKTRATE64 of linux/pkt_cls.h: packets a second.
const policePacketRate = 10

// polices tells whether a device has a filter with a limit's rate.
func polices(conn *netlink.Conn, device uint32, limit ovsdb.Policing) (bool, error) {
	var request []byte                                                     // a tcmsg of linux/rtnetlink.h
	for _, word := range []uint32{unix.AF_UNSPEC, device, 0, ingress, 0} { // family, device, handle, parent, info
		request = binary.NativeEndian.AppendUint32(request, word)
	}
	filters, err := conn.Execute(netlink.Message{
		Header: netlink.Header{Type: unix.RTM_GETTFILTER, Flags: netlink.Request | netlink.Dump},
		Data:   request,
	})
	if err != nil {
		return false, err
	}
	rate, err := netlink.MarshalAttributes([]netlink.Attribute{{
		Type: policePacketRate,
		Data: binary.NativeEndian.AppendUint64(nil, uint64(limit.Rate)*1000),
	}})
	// The attribute is three levels down, in another one for each kind of filter.
	return slices.ContainsFunc(filters, func(m netlink.Message) bool { return bytes.Contains(m.Data, rate) }), err
}
