package controller

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ringfence/ringfence/ovsdb"
	"github.com/ringfence/ringfence/unixctl"
)

// devices finds the ports whose network device was made anew under its name. The
// userspace datapath goes on with the device that it opened, which is not there
// any more, and says so nowhere: not a packet of the VM comes in. (The kernel's
// takes the port out, and the new device in.)
type devices struct {
	read     func() map[uint32]bool // devices that ovs-vswitchd reads; nil: nobody knows
	all      bool                   // all NICs are checked in this step
	haveRead bool                   // read was called in this step
	readNow  map[uint32]bool        // what it returned
	opened   map[string]opened      // by NIC; the uplink's is ""
}

// opened is what ovs-vswitchd opened for a row of the table Interface.
type opened struct {
	row     ovsdb.UUID
	index   uint32 // of the device; 0: none yet
	stale   bool   // it is another one by now
	suspect bool   // ovs-vswitchd may have another device open: the row took the place of one that was stale, or had one before it was looked at
}

// begin forgets all devices, for a step that checks all NICs: until end, a device is
// stale if ovs-vswitchd does not read it.
func (d *devices) begin() { d.opened, d.all = map[string]opened{}, true }

// end is called at the end of each step: what ovs-vswitchd reads is looked up again
// by the next.
func (d *devices) end() { d.all, d.haveRead, d.readNow = false, false, nil }

// unread tells whether it is known that ovs-vswitchd does not read a device.
func (d *devices) unread(index uint32) bool {
	if !d.haveRead {
		d.haveRead, d.readNow = true, d.read()
	}
	return d.readNow != nil && !d.readNow[index]
}

// forget drops a NIC that is not plugged any more.
func (d *devices) forget(nic string) { delete(d.opened, nic) }

// check compares the interface of a NIC, "" for the uplink, with how it was seen last,
// and returns an error if its device is gone or was replaced under its name.
func (d *devices) check(nic string, i ovsdb.Interface) error {
	was, known := d.opened[nic]
	if i.Type != "" && i.Type != "system" { // ovs-vswitchd makes the device itself, or there is none
		d.forget(nic)
		return nil
	}
	if !known || was.row != i.UUID {
		was = opened{row: i.UUID, suspect: was.stale || was.suspect}
	}
	switch now := i.IfIndex; {
	case now == 0: // the device is gone, or ovsdb-server was restarted: it does not keep the number
		was.stale = was.stale || was.index != 0 && d.unread(was.index)
		was.suspect = was.suspect || was.index == 0 && i.OFPort != 0 // there was one, and nobody has seen which
	case was.index == 0:
		was.index = now
		if d.all || was.suspect {
			was.stale = d.unread(now)
		}
	case now != was.index:
		was.stale = true // and stays so: the device's old number cannot come back
	}
	d.opened[nic] = was
	switch {
	case was.stale && i.IfIndex == 0:
		return fmt.Errorf("the device of interface %s is gone", i.Name)
	case was.stale:
		return fmt.Errorf("the device of interface %s was made anew, and ovs-vswitchd does not read it: take the port off the bridge, and add it again in another transaction", i.Name)
	}
	return nil
}

// vswitchd returns the directory of ovs-vswitchd's process below /proc.
func vswitchd(runDir string) (string, error) {
	socket, err := unixctl.FindVswitchd(runDir)
	if err != nil {
		return "", err
	}
	dir := filepath.Join("/proc", strings.TrimSuffix(strings.TrimPrefix(filepath.Base(socket), "ovs-vswitchd."), ".ctl"))
	// In a container it may have another number there, and this be somebody else's.
	if name, err := os.ReadFile(filepath.Join(dir, "comm")); err != nil || strings.TrimSpace(string(name)) != "ovs-vswitchd" {
		return "", fmt.Errorf("%s is not ovs-vswitchd, which has the socket %s", dir, socket)
	}
	return dir, nil
}

// devicesRead returns the indexes of the devices that ovs-vswitchd has packet
// sockets for (packet(7)), or whoever shares its network namespace; nil if that
// cannot be found out.
func devicesRead(runDir string) map[uint32]bool {
	dir, err := vswitchd(runDir)
	if err != nil {
		return nil
	}
	b, err := os.ReadFile(filepath.Join(dir, "net/packet"))
	if err != nil {
		return nil
	}
	read := map[uint32]bool{}
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) == 9 {
			if index, err := strconv.ParseUint(fields[4], 10, 32); err == nil {
				read[uint32(index)] = true
			}
		}
	}
	return read
}
