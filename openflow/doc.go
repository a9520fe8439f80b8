// Package openflow holds OpenFlow flows as values: matches, actions and flows
// that are canonical and comparable, so that what a switch reports decodes to
// the very value that was sent. It has a strict text codec, the syntax of
// ovs-ofctl: String writes it, ParseFlow reads it. Commands only write. Reading is
// offered to programs and tests that have flows in that tool's words, and stands
// here because both ways go by the same tables of fields, flags and ports. Below it:
// wire has the messages, ofconn a connection, ofsim a simulator of the tables,
// oftrace reads what ofproto/trace prints.
//
// Sources: the OpenFlow Switch Specification 1.5.1, ovs-fields(7),
// ovs-actions(7), ovs-ofctl(8).
package openflow
