package netns

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Up sets a device of the namespace up, as "ip link set DEVICE up" would, without
// a process for it.
func (n *Namespace) Up(device string) error {
	return n.control("set up", device, func(socket int) error {
		req, err := unix.NewIfreq(device)
		if err != nil {
			return err
		}
		if err := unix.IoctlIfreq(socket, unix.SIOCGIFFLAGS, req); err != nil {
			return err
		}
		req.SetUint16(req.Uint16() | unix.IFF_UP)
		return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, req)
	})
}

// FillChecksums has the kernel fill in the checksums of what it sends by a device of
// the namespace, as "ethtool -K DEVICE tx off" would: see ETHTOOL_STXCSUM in
// linux/ethtool.h.
//
//nolint:gosec // the ioctl takes the address of the address of its value
func (n *Namespace) FillChecksums(device string) error {
	return n.control("turn off checksum offload of", device, func(socket int) error {
		value := struct{ command, on uint32 }{unix.ETHTOOL_STXCSUM, 0}
		var req struct { // ifreq of netdevice(7)
			name  [unix.IFNAMSIZ]byte
			value unsafe.Pointer
			_     [16]byte
		}
		copy(req.name[:unix.IFNAMSIZ-1], device)
		req.value = unsafe.Pointer(&value)
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(socket), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&req)))
		runtime.KeepAlive(&value)
		if errno != 0 {
			return errno
		}
		return nil
	})
}

// control calls ask with a socket of the namespace.
func (n *Namespace) control(what, device string, ask func(socket int) error) error {
	err := n.Do(func() error {
		socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(socket)
		return ask(socket)
	})
	if err != nil {
		return fmt.Errorf("in %s: %s %s: %w", n.name, what, device, err)
	}
	return nil
}
