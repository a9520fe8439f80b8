package openflow

import (
	"fmt"

	"github.com/ringfence/ringfence/openflow/internal/octets"
)

func appendCopyField(b []byte, a CopyField, in actionContext) ([]byte, error) {
	src, err := a.Src.resolve(a.SrcBits)
	if err != nil {
		return nil, fmt.Errorf("openflow: move: %w", err)
	}
	dst, err := a.Dst.resolve(a.DstBits)
	if err != nil {
		return nil, fmt.Errorf("openflow: move: %w", err)
	}
	if src.Width != dst.Width {
		return nil, fmt.Errorf("openflow: move: %d bits of %s do not go into %d bits of %s", src.Width, a.Src, dst.Width, a.Dst)
	}
	if err := a.Dst.writableIn(in); err != nil {
		return nil, fmt.Errorf("openflow: move: %w", err)
	}
	start := len(b)
	b = octets.Put16(append(b, 0, actCopyField, 0, 0), uint16(src.Width))
	b = octets.Put16(octets.Put16(b, uint16(src.Offset)), uint16(dst.Offset))
	b = appendHeader(appendHeader(octets.Zeros(b, 2), a.Src, false), a.Dst, false)
	b = octets.Pad8(b, start)
	octets.SetLen(b[start:], len(b)-start)
	return b, nil
}

// port16 is an ofport as OpenFlow 1.0 and Nicira's actions number it.
func port16(p uint32) uint16 { return uint16(p) }

// port32 is the 32-bit number of a 16-bit ofport.
func port32(p uint16) uint32 {
	if uint32(p) >= PortMax {
		return 0xffff0000 | uint32(p)
	}
	return uint32(p)
}

func appendResubmit(b []byte, a Resubmit) ([]byte, error) {
	port := a.InPort
	if port == 0 {
		if port = PortInPort; a.Table == 255 {
			return nil, fmt.Errorf("openflow: resubmit: neither port nor table")
		}
	}
	if !ValidPort(port) {
		return nil, fmt.Errorf("openflow: resubmit: no port %#x", port)
	}
	subtype := uint16(nxResubmitTable)
	if a.WithCT {
		subtype = nxResubmitCT
	}
	b = octets.Put16(nicira(b, 16, subtype), port16(port))
	return append(b, a.Table, 0, 0, 0), nil
}

func appendCT(b []byte, a CT) ([]byte, error) {
	if a.Force && !a.Commit {
		return nil, fmt.Errorf("openflow: ct: force needs commit")
	}
	if len(a.Exec) > 0 && !a.Commit {
		for _, e := range a.Exec {
			if _, ok := e.(Unknown); !ok {
				return nil, fmt.Errorf("openflow: ct: exec needs commit")
			}
		}
	}
	table := uint8(ctNoTable)
	if a.Table != NoTable {
		if a.Table < 0 || a.Table >= ctNoTable {
			return nil, fmt.Errorf("openflow: ct: no table %d", a.Table)
		}
		table = uint8(a.Table)
	}
	var flags uint16
	if a.Commit {
		flags |= ctFlagCommit
	}
	if a.Force {
		flags |= ctFlagForce
	}
	start := len(b)
	b = octets.Put16(nicira(b, 0, nxCT), flags)
	if a.ZoneField != 0 {
		r := a.ZoneBits
		if r == (Range{}) {
			r.Width = 16
		}
		bits, err := a.ZoneField.sub(r)
		if err == nil && bits&0x3f != 15 {
			err = fmt.Errorf("a zone has 16 bits")
		}
		if err != nil {
			return nil, fmt.Errorf("openflow: ct: zone: %w", err)
		}
		b = octets.Put16(appendHeader(b, a.ZoneField, false), bits)
	} else {
		b = octets.Put16(octets.Put32(b, 0), a.Zone)
	}
	b = octets.Put16(append(b, table, 0, 0, 0), a.ALG)
	return appendNested(b, start, a.Exec, inCT)
}

func appendController(b []byte, a Controller) ([]byte, error) {
	start := len(b)
	if len(a.UserData) == 0 && !a.Pause && a.Meter == 0 {
		if a.ID == 0 && a.Reason == ReasonAction {
			b = octets.Put32(append(b, 0, actOutput, 0, 16), PortController)
			return octets.Zeros(octets.Put16(b, a.MaxLen), 6), nil
		}
		b = octets.Put16(octets.Put16(nicira(b, 16, nxController), a.MaxLen), a.ID)
		return append(b, byte(a.Reason), 0), nil
	}
	b = octets.Zeros(nicira(b, 0, nxController2), 6)
	if a.MaxLen != NoBuffer {
		b = octets.Zeros(octets.Put16(octets.Put16(octets.Put16(b, ctlMaxLen), 8), a.MaxLen), 2)
	}
	if a.ID != 0 {
		b = octets.Zeros(octets.Put16(octets.Put16(octets.Put16(b, ctlID), 8), a.ID), 2)
	}
	if a.Reason != ReasonAction {
		b = octets.Zeros(append(octets.Put16(octets.Put16(b, ctlReason), 5), byte(a.Reason)), 3)
	}
	if n := len(a.UserData); n > maxInstructions-64 {
		return nil, fmt.Errorf("openflow: controller: userdata: %w", ErrTooLong)
	} else if n > 0 {
		at := len(b)
		b = append(octets.Put16(octets.Put16(b, ctlUserData), uint16(n+4)), a.UserData...)
		b = octets.Pad8(b, at)
	}
	if a.Pause {
		b = octets.Zeros(octets.Put16(octets.Put16(b, ctlPause), 4), 4)
	}
	if a.Meter != 0 {
		b = octets.Put32(octets.Put16(octets.Put16(b, ctlMeter), 8), a.Meter)
	}
	octets.SetLen(b[start:], len(b)-start)
	return b, nil
}
