package controller

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ringfence/ringfence/store"
)

// TestZonesOutliveReplugs: a NIC whose Interface row is made anew, or whose
// iface-id moves to another row, in one transaction of the database, was never
// away as far as the controller sees. Its zone is written to the row that is
// there, and whoever comes next finds its connections in it.
func TestZonesOutliveReplugs(t *testing.T) {
	for name, replug := range map[string]struct {
		args string
		at   map[int]int // interface by NIC, if not of the same number
		anew bool        // the datapath is new, and its connections are gone
	}{
		"port made anew": {args: "del-port p1 -- del-port p2" + addPort(2, 2) + addPort(1, 1)},
		"another port":   {args: "del-port p1" + addPort(9, 1), at: map[int]int{1: 9}},
		"swapped":        {args: "set interface p1 external_ids:iface-id=a2 -- set interface p2 external_ids:iface-id=a1", at: map[int]int{1: 2, 2: 1}},
		"bridge made anew": {
			args: "del-br " + bridge + " -- add-br " + bridge + " -- set bridge " + bridge + " datapath_type=dummy fail_mode=secure protocols=OpenFlow15" + addPort(3, 3) + addPort(2, 2) + addPort(1, 1),
			anew: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := settled(t)
			zones := [...]string{1: r.zone(1), 2: r.zone(2)}
			conn := tcp(2, 1, 80)
			r.open(conn)
			r.ovs.Vsctl(strings.Fields(replug.args)...)
			for nic, zone := range zones {
				if nic == 0 {
					continue
				}
				iface := nic
				if at, moved := replug.at[nic]; moved {
					iface = at
				}
				r.eventually(patience, fmt.Sprintf("a%d's zone in the row", nic), func() string {
					if got, err := r.ovs.Proc.Get(t.Context(), "Interface", fmt.Sprintf("p%d", iface), "external_ids:"+zoneKey); err != nil || got != zone {
						return fmt.Sprintf("%q (%v), was %q", got, err, zone)
					}
					return ""
				})
			}
			started := r.status("both are ready", func(h store.HostStatus) bool { return isReady(h, "a1") && isReady(h, "a2") && h.Applied > 0 }).Started
			if replug.anew {
				r.open(conn)
			}
			before := len(r.entries(conn))
			r.stop()
			r.start()
			r.status("the next controller is ready", func(h store.HostStatus) bool {
				return h.Started.After(started) && isReady(h, "a1") && isReady(h, "a2") && h.Applied > 0
			})
			if after := len(r.entries(conn)); before != 2 || after != before {
				t.Errorf("the connection is in %d zones, was in %d; expected 2", after, before)
			}
		})
	}
}

func addPort(iface, nic int) string {
	return fmt.Sprintf(" -- add-port %s p%d -- set interface p%d type=dummy ofport_request=%d external_ids:iface-id=a%d", bridge, iface, iface, iface, nic)
}
