package shape

import (
	"strconv"

	"github.com/ringfence/ringfence/httpapi/strictjson"
)

// AppendJSON implements strictjson.Appender: what NICs are read most of takes is their JSON.
func (n NIC) AppendJSON(b []byte) []byte {
	text := func(name, value string) { b = strictjson.AppendText(append(b, name...), value) }
	texts := func(name string, values []string) { b = strictjson.AppendTexts(append(b, name...), values) }
	yes := func(name string, value bool) { b = strconv.AppendBool(append(b, name...), value) }
	text(`{"id":`, n.ID)
	text(`,"account":`, n.Account)
	b = strictjson.AppendOptional(append(b, `,"instance":`...), n.Instance)
	text(`,"network":`, n.Network)
	text(`,"mac":`, n.MAC)
	texts(`,"addresses":`, n.Addresses)
	texts(`,"allowed_addresses":`, n.AllowedAddresses)
	text(`,"enforcement":`, string(n.Enforcement))
	yes(`,"dhcp_server":`, n.DHCPServer)
	texts(`,"hosts":`, n.Hosts)
	b = strictjson.AppendArray(append(b, `,"effective_groups":`...), n.EffectiveGroups, func(b []byte, e effectiveJSON) []byte {
		b = strictjson.AppendText(append(b, `{"id":`...), e.ID)
		b = strictjson.AppendText(append(b, `,"via":`...), e.Via)
		return append(strconv.AppendBool(append(b, `,"implicit":`...), e.Implicit), '}')
	})
	yes(`,"egress_restricted":`, n.EgressRestricted)
	if b = append(b, `,"because":`...); n.Because == nil {
		b = append(b, "null"...)
	} else {
		text(`{"group":`, n.Because.Group)
		b = append(strictjson.AppendOptional(append(b, `,"rule":`...), n.Because.Rule), '}')
	}
	b = strictjson.AppendOptional(append(b, `,"host":`...), n.Host)
	yes(`,"ready":`, n.Ready)
	if b = append(b, `,"realized_revision":`...); n.RealizedRevision == nil {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendInt(b, *n.RealizedRevision, 10)
	}
	if b = append(b, `,"conflict":`...); n.Conflict == nil {
		b = append(b, "null"...)
	} else {
		text(`{"detail":`, n.Conflict.Detail)
		texts(`,"hosts":`, n.Conflict.Hosts)
		b = append(b, '}')
	}
	b = strictjson.AppendArray(append(b, `,"warnings":`...), n.Warnings, func(b []byte, w nicWarningJSON) []byte {
		b = strictjson.AppendText(append(b, `{"code":`...), w.Code)
		return append(strictjson.AppendText(append(b, `,"detail":`...), w.Detail), '}')
	})
	return append(strconv.AppendInt(append(b, `,"revision":`...), n.Revision, 10), '}')
}
