package openflow

import "fmt"

// actionName is what ovs-actions(7) calls an action.
func actionName(a Action) string {
	switch a.(type) {
	case Output, OutputField:
		return "output"
	case SetField, SetWide:
		return "set_field"
	case CopyField:
		return "move"
	case PushVLAN:
		return "push_vlan"
	case PopVLAN:
		return "pop_vlan"
	case DecTTL:
		return "dec_ttl"
	case Resubmit:
		return "resubmit"
	case Goto:
		return "goto_table"
	case WriteMetadata:
		return "write_metadata"
	case Meter:
		return "meter"
	case Group:
		return "group"
	case CT:
		return "ct"
	case CTClear:
		return "ct_clear"
	case Conjunction:
		return "conjunction"
	case Controller:
		return "controller"
	case Note:
		return "note"
	case Clone:
		return "clone"
	case Unknown:
		return "unknown"
	}
	return fmt.Sprintf("%T", a)
}
