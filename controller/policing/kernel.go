package policing

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/ovsdb"
)

// Kernel asks the kernel what it polices by rtnetlink(7), in the network namespace of
// a process whose directory below /proc Process returns.
type Kernel struct {
	Process func() (dir string, err error)
}

// Polices tells which devices the kernel holds to a limit.
func (k Kernel) Polices(devices []uint32, limit ovsdb.Policing) (map[uint32]bool, error) {
	dir, err := k.Process()
	if err != nil {
		return nil, err
	}
	fd, err := socketIn(filepath.Join(dir, "ns/net"))
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	held := map[uint32]bool{}
	for _, device := range devices {
		if held[device], err = polices(fd, device, limit); err != nil {
			return nil, fmt.Errorf("filters of device %d: %w", device, err)
		}
	}
	return held, nil
}

// socketIn opens a socket of rtnetlink in a network namespace.
func socketIn(namespace string) (fd int, err error) {
	open := func() (int, error) {
		return unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	}
	there, err := os.Stat(namespace)
	if err != nil {
		return -1, err
	}
	if here, err := os.Stat("/proc/self/ns/net"); err == nil && os.SameFile(here, there) {
		return open()
	}
	f, err := os.Open(namespace)
	if err != nil {
		return -1, err
	}
	defer f.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if err = unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err == nil {
			fd, err = open()
		}
	}()
	<-done
	return fd, err
}

// ingress is the qdisc that Open vSwitch has a device policed by (linux/pkt_sched.h).
const ingress = 0xffff0000

// policePacketRate is TCA_POLICE_PKTRATE64 of linux/pkt_cls.h: packets a second.
const policePacketRate = 10

// polices tells whether a device has a filter with a limit's rate.
func polices(fd int, device uint32, limit ovsdb.Policing) (bool, error) {
	const size = unix.SizeofNlMsghdr + 20 // a tcmsg
	ask := make([]byte, 0, size)
	ask = binary.NativeEndian.AppendUint32(ask, size)
	ask = binary.NativeEndian.AppendUint16(ask, unix.RTM_GETTFILTER)
	ask = binary.NativeEndian.AppendUint16(ask, unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	for _, word := range []uint32{0, 0, unix.AF_UNSPEC, device, 0, ingress, 0} { // sequence, sender; family, device, handle, parent, info
		ask = binary.NativeEndian.AppendUint32(ask, word)
	}
	if err := unix.Sendto(fd, ask, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return false, err
	}
	rate := binary.NativeEndian.AppendUint16(nil, unix.SizeofNlAttr+8)
	rate = binary.NativeEndian.AppendUint16(rate, policePacketRate)
	rate = binary.NativeEndian.AppendUint64(rate, uint64(limit.Rate)*1000)
	found := false
	answer := make([]byte, 1<<16)
	for {
		n, _, err := unix.Recvfrom(fd, answer, 0)
		if err != nil {
			return false, err
		}
		messages, err := syscall.ParseNetlinkMessage(answer[:n])
		if err != nil {
			return false, err
		}
		for _, m := range messages {
			switch {
			case m.Header.Type == unix.NLMSG_DONE:
				return found, nil
			case m.Header.Type == unix.NLMSG_ERROR && len(m.Data) >= 4:
				return false, syscall.Errno(-int32(binary.NativeEndian.Uint32(m.Data)))
			}
			// The attribute is three levels down, in another one for each kind of filter.
			found = found || bytes.Contains(m.Data, rate)
		}
	}
}
