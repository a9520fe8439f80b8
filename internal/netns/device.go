package netns

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Up sets a device of the namespace up, as "ip link set DEVICE up" would, without
// a process for it.
func (n *Namespace) Up(device string) error {
	return n.control("set up", device, func(socket int) error {
		req, err := flags(socket, device)
		if err != nil {
			return err
		}
		req.SetUint16(req.Uint16() | unix.IFF_UP)
		return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, req)
	})
}

// flags asks for the flags of a device.
func flags(socket int, device string) (*unix.Ifreq, error) {
	req, err := unix.NewIfreq(device)
	if err != nil {
		return nil, err
	}
	return req, unix.IoctlIfreq(socket, unix.SIOCGIFFLAGS, req)
}

// readyTimeout bounds how long the kernel may take to make a device usable.
const readyTimeout = 30 * time.Second

// AwaitRunning waits until what is sent by a device that was set up, and whose peer was, is
// sent: a worker of the kernel's takes notice that there is a carrier, and what comes before
// that is dropped without a word (IFF_RUNNING of netdevice(7)).
func (n *Namespace) AwaitRunning(device string) error {
	err := n.await("no carrier", func() (bool, error) {
		running := false
		err := n.control("ask for", device, func(socket int) error {
			req, err := flags(socket, device)
			running = err == nil && req.Uint16()&unix.IFF_RUNNING != 0
			return err
		})
		return running, err
	})
	if err != nil {
		return fmt.Errorf("in %s: %s: %w", n.name, device, err)
	}
	return n.Up(device) // which waits for that worker to end what it has begun
}

// AwaitAddresses waits until the namespace takes for its own what is sent to the IPv6
// addresses of a device: a worker of the kernel's adds the routes for that, while it sends
// from them already (if_inet6 and ipv6_route of proc(5)).
func (n *Namespace) AwaitAddresses(device string) error {
	err := n.await("no routes to all of its own IPv6 addresses", func() (bool, error) {
		addresses, err := n.table("if_inet6")
		if err != nil {
			return false, err
		}
		routes, err := n.table("ipv6_route")
		if err != nil {
			return false, err
		}
		for _, a := range addresses {
			if string(a[5]) == device && !slices.ContainsFunc(routes, func(r [][]byte) bool { return bytes.Equal(r[0], a[0]) && string(r[1]) == "80" }) {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("in %s: %s: %w", n.name, device, err)
	}
	return nil
}

// table is one of the namespace's tables under /proc/net, by lines and words.
func (n *Namespace) table(name string) (lines [][][]byte, err error) {
	text, err := Open(n, func() ([]byte, error) { return os.ReadFile("/proc/thread-self/net/" + name) })
	for line := range bytes.Lines(text) {
		lines = append(lines, bytes.Fields(line))
	}
	return lines, err
}

// await asks again and again.
func (n *Namespace) await(otherwise string, is func() (bool, error)) error {
	for end := time.Now().Add(readyTimeout); ; time.Sleep(time.Millisecond) {
		if ok, err := is(); ok || err != nil {
			return err
		}
		if time.Now().After(end) {
			return errors.New(otherwise)
		}
	}
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
