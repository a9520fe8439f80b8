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

// ports holds the ofports of the database against the switch's own. Those in the
// database are of the past for a moment after ovs-vswitchd was started again,
// and a flow for another's ofport would give one VM the other's traffic.
type ports struct {
	byName map[string][]uint32 // as the switch had them last; names cut off
}

// porter is what ports needs of a connection.
type porter interface {
	Ports(ctx context.Context) ([]wire.Port, error)
}

// check asks the switch again unless every interface is where it was seen. It
// tells whether a port that was seen before is gone or at another number now:
// what was found of other interfaces may not hold any more.
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

// agree tells whether the switch has the interface at the database's ofport.
// Where two names are alike as far as OpenFlow shows them, either will do.
func (p *ports) agree(i ovsdb.Interface) bool {
	name := i.Name[:min(len(i.Name), portNameMax)]
	return slices.Contains(p.byName[name], i.OFPort)
}
