package controller

import (
	"fmt"

	"github.com/ringfence/ringfence/ovsdb"
)

// claim is an interface that says which NIC it is.
type claim struct {
	nic   string
	iface ovsdb.Interface
	warn  string // what is wrong with it
}

// claimed returns one claim for each NIC that is plugged, in the order of the
// interfaces' names. Where several interfaces claim a NIC the first that has an
// ofport speaks for it, and the others get nothing.
func claimed(ifaces []ovsdb.Interface) []claim {
	var claims []claim
	at := map[string]int{}
	for _, i := range ifaces {
		if i.IfaceID == "" {
			continue
		}
		n, twice := at[i.IfaceID]
		if !twice {
			at[i.IfaceID] = len(claims)
			claims = append(claims, claim{nic: i.IfaceID, iface: i, warn: i.Error})
			continue
		}
		loser := i
		if claims[n].iface.OFPort == 0 && i.OFPort != 0 {
			loser, claims[n].iface = claims[n].iface, i
		}
		claims[n].warn = fmt.Sprintf("interface %s claims the NIC too; %s has it", loser.Name, claims[n].iface.Name)
	}
	return claims
}
