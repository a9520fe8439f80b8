package controller

import (
	"context"
	"slices"
	"time"

	"github.com/ringfence/ringfence/openflow/wire"
	"github.com/ringfence/ringfence/ovsdb"
)

// portNameMax is how much of a name OpenFlow has room for.
const portNameMax = 15

// portsTimeout bounds asking the switch for its ports.
const portsTimeout = 5 * time.Second

// ports compares the ofports in the database with the switch's own. After a restart of
// ovs-vswitchd those in the database are out of date for a moment, and a flow for the
// ofport of another interface would give one VM the other's traffic.
type ports struct {
	byName map[string][]uint32 // as the switch had them last, by name cut to portNameMax
}

// porter is what ports needs of a connection.
type porter interface {
	Ports(ctx context.Context) ([]wire.Port, error)
}

// check asks the switch for its ports, unless it is known to have every interface at its
// ofport. moved reports whether a port that was there before is gone or has another
// number: the caller has to check the other interfaces again, too.
func (p *ports) check(ctx context.Context, conn porter, ifaces []ovsdb.Interface) (moved bool, err error) {
	if !slices.ContainsFunc(ifaces, func(i ovsdb.Interface) bool { return i.OFPort != 0 && !p.agree(i) }) {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, portsTimeout)
	defer cancel()
	all, err := conn.Ports(ctx)
	if err != nil {
		return false, err
	}
	before := p.byName
	p.byName = make(map[string][]uint32, len(all))
	for _, port := range all {
		p.byName[port.Name] = append(p.byName[port.Name], port.Number)
	}
	for name, numbers := range before {
		moved = moved || !slices.Equal(numbers, p.byName[name])
	}
	return moved, nil
}

// agree reports whether the switch has the interface at the database's ofport. Of two
// interfaces whose names are alike as far as OpenFlow shows them, either will do.
func (p *ports) agree(i ovsdb.Interface) bool {
	name := i.Name[:min(len(i.Name), portNameMax)]
	return slices.Contains(p.byName[name], i.OFPort)
}
