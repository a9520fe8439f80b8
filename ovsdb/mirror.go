package ovsdb

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ovn-kubernetes/libovsdb/model"
	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

// mirror knows which interfaces a bridge has. A change of one interface costs
// the same however many there are.
type mirror struct {
	name string // of the bridge

	bridges    map[string]*bridgeRow
	ports      map[string]*portRow
	interfaces map[string]*interfaceRow
	portsOf    map[string]map[string]bool // ports of a bridge
	bridgeOf   map[string]string          // bridge that a port belongs to
	portOf     map[string]string          // port that an interface belongs to

	bridge string          // the one of that name; "": none
	dirty  map[string]bool // interfaces that may differ since they were taken
	links  map[string]bool // ports and interfaces touched since the last check
}

func newMirror(name string) *mirror {
	return &mirror{
		name:    name,
		bridges: map[string]*bridgeRow{}, ports: map[string]*portRow{}, interfaces: map[string]*interfaceRow{},
		portsOf: map[string]map[string]bool{}, bridgeOf: map[string]string{}, portOf: map[string]string{},
		dirty: map[string]bool{}, links: map[string]bool{},
	}
}

// set takes a row as it is now, nil for one that is gone. The rows of a
// transaction may come in any order.
func (m *mirror) set(table, uuid string, now model.Model) {
	switch table {
	case "Bridge":
		row, _ := now.(*bridgeRow)
		m.setBridge(uuid, row)
	case "Port":
		row, _ := now.(*portRow)
		m.setPort(uuid, row)
	case "Interface":
		row, _ := now.(*interfaceRow)
		putRow(m.interfaces, uuid, row)
		m.dirty[uuid], m.links[uuid] = true, true
	}
}

// putRow puts a row into a table's copy, or takes it away if it is nil.
func putRow[T any](rows map[string]*T, uuid string, row *T) {
	if row == nil {
		delete(rows, uuid)
	} else {
		rows[uuid] = row
	}
}

// setPorts takes what an update of a bridge's row says of its ports: which came
// or went, but for a row that is new and has them all, or is gone and has none.
func (m *mirror) setPorts(bridge string, u *ovsdb.RowUpdate2) error {
	row := cmp.Or(u.Initial, u.Insert, u.Modify)
	ports := m.portsOf[bridge]
	if row == nil {
		delete(m.portsOf, bridge)
		for p := range ports {
			m.unplug(bridge, p)
		}
		return nil
	}
	differ, err := takeUUIDs(*row, portsColumn)
	if err != nil {
		return err
	}
	if ports == nil {
		ports = map[string]bool{}
		m.portsOf[bridge] = ports
	}
	for _, p := range differ {
		if ports[p] {
			delete(ports, p)
			m.unplug(bridge, p)
		} else {
			ports[p], m.bridgeOf[p] = true, bridge
			m.touch(p)
		}
	}
	return nil
}

func (m *mirror) unplug(bridge, port string) {
	if m.bridgeOf[port] == bridge { // not given to another one by now
		delete(m.bridgeOf, port)
	}
	m.touch(port)
}

func (m *mirror) setBridge(uuid string, now *bridgeRow) {
	putRow(m.bridges, uuid, now)
	was := m.bridge
	switch {
	case now != nil && now.Name == m.name:
		m.bridge = uuid
	case m.bridge == uuid:
		m.bridge = ""
	}
	if was != m.bridge {
		for i := range m.interfaces {
			m.dirty[i] = true
		}
	}
}

func (m *mirror) setPort(uuid string, now *portRow) {
	gone, come := changes(value(m.ports[uuid]).Interfaces, value(now).Interfaces)
	putRow(m.ports, uuid, now)
	for _, i := range gone {
		if m.portOf[i] == uuid { // not given to another port by now
			delete(m.portOf, i)
		}
		m.dirty[i], m.links[i] = true, true
	}
	for _, i := range come {
		m.portOf[i] = uuid
		m.links[i] = true
	}
	m.touch(uuid)
}

// touch says that the interfaces of a port may differ.
func (m *mirror) touch(port string) {
	m.links[port] = true
	for _, i := range value(m.ports[port]).Interfaces {
		m.dirty[i] = true
	}
}

// changes are the elements that one set has more than the other. Most are in
// the same place in both, so that nothing but the few others is looked up.
func changes(before, after []string) (gone, come []string) {
	n := min(len(before), len(after))
	for i := range n {
		if before[i] != after[i] {
			gone, come = append(gone, before[i]), append(come, after[i])
		}
	}
	gone, come = append(gone, before[n:]...), append(come, after[n:]...)
	if len(gone) == 0 || len(come) == 0 {
		return gone, come
	}
	moved := map[string]bool{}
	for _, s := range gone {
		moved[s] = true
	}
	var both []string
	come = slices.DeleteFunc(come, func(s string) bool {
		if moved[s] {
			both = append(both, s)
		}
		return moved[s]
	})
	for _, s := range both {
		delete(moved, s)
	}
	return slices.DeleteFunc(gone, func(s string) bool { return !moved[s] }), come
}

// check holds what was touched against the schema: the database drops ports
// and interfaces that nothing refers to, and nothing refers to what is not there.
func (m *mirror) check() error {
	links := m.links
	m.links = map[string]bool{}
	for uuid := range links {
		_, isPort := m.ports[uuid]
		_, isInterface := m.interfaces[uuid]
		_, hasBridge := m.bridgeOf[uuid]
		_, hasPort := m.portOf[uuid]
		if isPort != hasBridge || isInterface != hasPort {
			return fmt.Errorf("row %s: port %v, on a bridge %v; interface %v, of a port %v", uuid, isPort, hasBridge, isInterface, hasPort)
		}
	}
	return nil
}

// takeChanged hands out what may differ since it was called last: interfaces by UUID,
// and UUIDs of which the bridge has no interface.
func (m *mirror) takeChanged() (b Bridge, now map[UUID]Interface, without []UUID) {
	now = map[UUID]Interface{}
	for uuid := range m.dirty {
		if i, ok := m.get(uuid); ok {
			now[i.UUID] = i
		} else {
			without = append(without, UUID(uuid))
		}
	}
	m.dirty = map[string]bool{} // one that once was large is slow to go through
	if row := m.bridges[m.bridge]; row != nil {
		b = newBridge(row)
	}
	return b, now, without
}

// get is an interface of the bridge as it is.
func (m *mirror) get(uuid string) (i Interface, ok bool) {
	row, port := m.interfaces[uuid], m.portOf[uuid]
	if row == nil || m.bridge == "" || m.bridgeOf[port] != m.bridge {
		return Interface{}, false
	}
	return newInterface(row, value(m.ports[port]).Name), true
}
