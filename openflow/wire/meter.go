package wire

import (
	"fmt"

	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// MeterCommand is what a MeterMod does (OFPMC_*).
type MeterCommand uint16

// The commands.
const (
	MeterAdd    MeterCommand = 0
	MeterModify MeterCommand = 1
	MeterDelete MeterCommand = 2
)

// MeterFlags say what a meter counts in (OFPMF_*).
type MeterFlags uint16

// The flags.
const (
	MeterKbps    MeterFlags = 1 << 0 // rates in kbit/s
	MeterPktps   MeterFlags = 1 << 1 // rates in packets a second
	MeterBurst   MeterFlags = 1 << 2 // bands have burst sizes
	MeterCollect MeterFlags = 1 << 3 // collect statistics
)

// AllMeters stands for every meter (OFPM_ALL).
const AllMeters = 0xffffffff

// BandType is what a band does with packets beyond its rate.
type BandType uint16

// The band types.
const (
	BandDrop BandType = 1
	BandDSCP BandType = 2 // lower the DSCP's drop precedence
)

// MeterBand is a rate of a meter and what happens beyond it.
type MeterBand struct {
	Type       BandType
	Rate       uint32 // in the unit of the meter's flags
	Burst      uint32 // kbit or packets; with MeterBurst
	Precedence uint8  // for BandDSCP: levels to lower by
}

// MeterConfig is a meter.
type MeterConfig struct {
	ID    uint32
	Flags MeterFlags
	Bands []MeterBand
}

// MeterMod changes meters.
type MeterMod struct {
	Command MeterCommand
	Meter   MeterConfig
}

// MeterConfigRequest asks for a meter, or for all if Meter is AllMeters.
type MeterConfigRequest struct{ Meter uint32 }

// MeterConfigReply is part of the answer to a MeterConfigRequest.
type MeterConfigReply struct {
	More   bool // another part follows
	Meters []MeterConfig
}

func (MeterMod) messageType() uint8           { return typeMeterMod }
func (MeterConfigRequest) messageType() uint8 { return typeMultipartRequest }
func (MeterConfigReply) messageType() uint8   { return typeMultipartReply }

func (m MeterMod) appendBody(b []byte) ([]byte, error) {
	b = octets.Put16(octets.Put16(b, uint16(m.Command)), uint16(m.Meter.Flags))
	return appendBands(octets.Put32(b, m.Meter.ID), m.Meter.Bands), nil
}

func (m MeterConfigRequest) appendBody(b []byte) ([]byte, error) {
	return octets.Put32(octets.Put32(appendMultipart(b, multipartMeterConfig, false), m.Meter), 0), nil
}

func (m MeterConfigReply) appendBody(b []byte) ([]byte, error) {
	b = appendMultipart(b, multipartMeterConfig, m.More)
	for _, c := range m.Meters {
		n := 8 + bandLen*len(c.Bands)
		if n > openflow.MaxMessage {
			return nil, fmt.Errorf("openflow: meter of %d bands: %w", len(c.Bands), openflow.ErrTooLong)
		}
		b = octets.Put32(octets.Put16(octets.Put16(b, uint16(n)), uint16(c.Flags)), c.ID)
		b = appendBands(b, c.Bands)
	}
	return b, nil
}

const bandLen = 16

func appendBands(b []byte, bands []MeterBand) []byte {
	for _, band := range bands {
		b = octets.Put16(octets.Put16(b, uint16(band.Type)), bandLen)
		b = octets.Zeros(append(octets.Put32(octets.Put32(b, band.Rate), band.Burst), band.Precedence), 3)
	}
	return b
}

func decodeBands(r *octets.Reader) ([]MeterBand, error) {
	var bands []MeterBand
	for len(r.B) > 0 {
		band := MeterBand{Type: BandType(r.U16())}
		if n := r.U16(); n != bandLen {
			return nil, fmt.Errorf("openflow: meter band of %d bytes", n)
		}
		band.Rate, band.Burst, band.Precedence = r.U32(), r.U32(), r.U8()
		r.Skip(3)
		bands = append(bands, band)
	}
	return bands, r.Err("meter bands")
}

func decodeMeterMod(r *octets.Reader) (Message, error) {
	m := MeterMod{Command: MeterCommand(r.U16())}
	m.Meter.Flags, m.Meter.ID = MeterFlags(r.U16()), r.U32()
	var err error
	m.Meter.Bands, err = decodeBands(r)
	return m, err
}

func decodeMeters(r *octets.Reader) ([]MeterConfig, error) {
	var meters []MeterConfig
	for len(r.B) > 0 {
		n := int(r.U16())
		c := MeterConfig{Flags: MeterFlags(r.U16()), ID: r.U32()}
		if n < 8 {
			return nil, fmt.Errorf("openflow: meter of %d bytes", n)
		}
		var err error
		if c.Bands, err = decodeBands(r.Entry(n, 8)); err != nil {
			return nil, err
		}
		meters = append(meters, c)
	}
	return meters, nil
}
