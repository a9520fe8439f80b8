package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// Error is a message that reports a failure (OpenFlow 1.5 §7.5.4). It is a Go
// error too.
type Error struct {
	Type, Code uint16
	Data       []byte // the start of the message that failed, if there was one
}

// errorExperimenter is the type of errors of extensions, whose Data starts with
// the experimenter's number.
const errorExperimenter = 0xffff

func (Error) messageType() uint8 { return typeError }

func (m Error) appendBody(b []byte) ([]byte, error) {
	return append(octets.Put16(octets.Put16(b, m.Type), m.Code), m.Data...), nil
}

// Name is the error's name in Open vSwitch, such as "OFPBRC_BAD_LEN", or its
// numbers.
func (m Error) Name() string {
	if m.Type == errorExperimenter && len(m.Data) >= 4 && binary.BigEndian.Uint32(m.Data) == octets.Nicira {
		if name, ok := niciraErrors[m.Code]; ok {
			return name
		}
	}
	if int(m.Type) < len(errorNames) {
		t := errorNames[m.Type]
		if int(m.Code) < len(t.codes) && t.codes[m.Code] != "" {
			return t.codes[m.Code]
		}
		return fmt.Sprintf("%s code %d", t.name, m.Code)
	}
	return fmt.Sprintf("error type %d code %d", m.Type, m.Code)
}

func (m Error) Error() string { return "switch: " + m.Name() }

// Is reports whether target is an Error of the same type and code.
func (m Error) Is(target error) bool {
	e, ok := target.(Error)
	return ok && e.Type == m.Type && e.Code == m.Code
}

// Request is xid and type of the message that failed; ok is false if Data does
// not hold its header.
func (m Error) Request() (xid uint32, typ uint8, ok bool) {
	d := m.Data
	if m.Type == errorExperimenter && len(d) >= 4 {
		d = d[4:]
	}
	if len(d) < HeaderLen {
		return 0, 0, false
	}
	return binary.BigEndian.Uint32(d[4:]), d[1], true
}
