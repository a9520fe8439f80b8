package ovsdb

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/ovn-kubernetes/libovsdb/model"
	"github.com/ovn-kubernetes/libovsdb/ovsdb"
)

// The rows that are followed. The types of their fields are held against the
// schema on connecting.
//
// The library copies a row for every change of it; without CloneModel it would
// do so by way of JSON.

type bridgeRow struct {
	UUID         string            `ovsdb:"_uuid"`
	Name         string            `ovsdb:"name"`
	DatapathType string            `ovsdb:"datapath_type"`
	DatapathID   *string           `ovsdb:"datapath_id"`
	FailMode     *string           `ovsdb:"fail_mode"`
	Protocols    []string          `ovsdb:"protocols"`
	ExternalIDs  map[string]string `ovsdb:"external_ids"`
}

// portsColumn of a Bridge is followed, but not by the library, which copies all
// of it whenever a port comes or goes.
const portsColumn = "ports"

// takeUUIDs takes a set of references out of a row.
func takeUUIDs(row ovsdb.Row, column string) (uuids []string, err error) {
	value, ok := row[column]
	if !ok {
		return nil, nil
	}
	delete(row, column)
	set := ovsdb.OvsSet{GoSet: []any{value}} // how a set of one is written
	if many, ok := value.(ovsdb.OvsSet); ok {
		set = many
	}
	for _, v := range set.GoSet {
		one, ok := v.(ovsdb.UUID)
		if !ok {
			return nil, fmt.Errorf("column %s: %v is no set of UUIDs", column, value)
		}
		uuids = append(uuids, one.GoUUID)
	}
	return uuids, nil
}

type portRow struct {
	UUID       string   `ovsdb:"_uuid"`
	Name       string   `ovsdb:"name"`
	Interfaces []string `ovsdb:"interfaces"`
}

type interfaceRow struct {
	UUID        string            `ovsdb:"_uuid"`
	Name        string            `ovsdb:"name"`
	Type        string            `ovsdb:"type"`
	OFPort      *int              `ovsdb:"ofport"`
	IfIndex     *int              `ovsdb:"ifindex"`
	Error       *string           `ovsdb:"error"`
	PoliceRate  int               `ovsdb:"ingress_policing_kpkts_rate"`
	PoliceBurst int               `ovsdb:"ingress_policing_kpkts_burst"`
	ExternalIDs map[string]string `ovsdb:"external_ids"`
}

// followed are the tables of these rows.
func followed() map[string]model.Model {
	return map[string]model.Model{"Bridge": &bridgeRow{}, "Port": &portRow{}, "Interface": &interfaceRow{}}
}

// requests are the <monitor-cond-requests> for the columns of these rows.
func requests() map[string]ovsdb.MonitorRequest {
	all := map[string]ovsdb.MonitorRequest{}
	for table, row := range followed() {
		var columns []string
		t := reflect.TypeOf(row).Elem()
		for field := range t.Fields() {
			if column := field.Tag.Get("ovsdb"); column != "_uuid" {
				columns = append(columns, column)
			}
		}
		if table == "Bridge" {
			columns = append(columns, portsColumn)
		}
		all[table] = ovsdb.MonitorRequest{Columns: columns, Select: ovsdb.NewDefaultMonitorSelect()}
	}
	return all
}

func (r *bridgeRow) CloneModel() model.Model {
	c := *r
	c.DatapathID, c.FailMode = clone(r.DatapathID), clone(r.FailMode)
	c.Protocols, c.ExternalIDs = slices.Clone(r.Protocols), maps.Clone(r.ExternalIDs)
	return &c
}

func (r *bridgeRow) CloneModelInto(to model.Model) { *to.(*bridgeRow) = *r.CloneModel().(*bridgeRow) }

func (r *portRow) CloneModel() model.Model {
	c := *r
	c.Interfaces = slices.Clone(r.Interfaces)
	return &c
}

func (r *portRow) CloneModelInto(to model.Model) { *to.(*portRow) = *r.CloneModel().(*portRow) }

func (r *interfaceRow) CloneModel() model.Model {
	c := *r
	c.OFPort, c.IfIndex, c.Error, c.ExternalIDs = clone(r.OFPort), clone(r.IfIndex), clone(r.Error), maps.Clone(r.ExternalIDs)
	return &c
}

func (r *interfaceRow) CloneModelInto(to model.Model) {
	*to.(*interfaceRow) = *r.CloneModel().(*interfaceRow)
}

// clone copies an optional value.
func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// value is that of an optional column, zero if it is unset.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
