package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ringfence/ringfence/internal/ovsproc"
)

// reachTimeout is how long a packet is waited for.
const reachTimeout = 400 * time.Millisecond

// vm is a network namespace with one interface, which the bridge knows as the
// NIC of the same name.
type vm struct {
	name, mac, address string
}

// start makes the namespace and plugs it into br-int.
func (v *vm) start(state string) error {
	tap := v.name // the end at the bridge
	for _, c := range [][]string{
		{"ip", "netns", "add", v.name},
		{"ip", "link", "add", tap, "type", "veth", "peer", "name", "eth0", "netns", v.name},
		// The userspace datapath does not fill in checksums that a sender left out.
		{"ethtool", "-K", tap, "tx", "off"},
		{"ip", "netns", "exec", v.name, "ethtool", "-K", "eth0", "tx", "off"},
		{"ip", "-n", v.name, "link", "set", "eth0", "address", v.mac, "up"},
		{"ip", "-n", v.name, "link", "set", "lo", "up"},
		{"ip", "-n", v.name, "address", "add", v.address + "/24", "dev", "eth0"},
		{"ip", "link", "set", tap, "up"},
	} {
		if err := sh(c[0], c[1:]...); err != nil {
			return err
		}
	}
	change := ovsproc.NewChange().AddPort("br-int", ovsproc.Port{Name: tap, ExternalIDs: map[string]string{"iface-id": v.name}})
	return change.Commit(context.Background(), dbAddr(state))
}

// dbAddr is the database of the private Open vSwitch of "ringfence dev".
func dbAddr(state string) string { return "unix:" + filepath.Join(state, "ovs", "run", "db.sock") }

// in runs fn in the namespace. Sockets that fn opens stay there.
func (v *vm) in(fn func() error) error {
	failed := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		ns, err := os.Open(filepath.Join("/run/netns", v.name))
		if err != nil {
			failed <- err
			return
		}
		defer ns.Close()
		if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
			failed <- fmt.Errorf("enter namespace %s: %w", v.name, err)
			return
		}
		failed <- fn()
	}()
	return <-failed
}

// listen accepts TCP connections at a port until the demo ends.
func (v *vm) listen(port int) error {
	return v.in(func() error {
		l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
		if err != nil {
			return err
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, v.name) // who goes away without reading is fine
				c.Close()
			}
		}()
		return nil
	})
}

// connects reports whether a TCP connection to a port of other succeeds.
func (v *vm) connects(other *vm, port int) bool {
	return v.in(func() error {
		c, err := net.DialTimeout("tcp", net.JoinHostPort(other.address, strconv.Itoa(port)), reachTimeout)
		if err == nil {
			c.Close()
		}
		return err
	}) == nil
}

// pings reports whether other answers an ICMP echo.
func (v *vm) pings(other *vm) bool {
	return exec.Command("ip", "netns", "exec", v.name, "ping", "-n", "-q", "-c", "1", "-W", "0.4", other.address).Run() == nil
}
