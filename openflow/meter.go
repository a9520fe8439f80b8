package openflow

import "fmt"

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
	b = put16(put16(b, uint16(m.Command)), uint16(m.Meter.Flags))
	return appendBands(put32(b, m.Meter.ID), m.Meter.Bands), nil
}

func (m MeterConfigRequest) appendBody(b []byte) ([]byte, error) {
	return put32(put32(appendMultipart(b, multipartMeterConfig, false), m.Meter), 0), nil
}

func (m MeterConfigReply) appendBody(b []byte) ([]byte, error) {
	b = appendMultipart(b, multipartMeterConfig, m.More)
	for _, c := range m.Meters {
		n := 8 + bandLen*len(c.Bands)
		if n > maxMessage {
			return nil, fmt.Errorf("openflow: meter of %d bands: %w", len(c.Bands), ErrTooLong)
		}
		b = put32(put16(put16(b, uint16(n)), uint16(c.Flags)), c.ID)
		b = appendBands(b, c.Bands)
	}
	return b, nil
}

const bandLen = 16

func appendBands(b []byte, bands []MeterBand) []byte {
	for _, band := range bands {
		b = put16(put16(b, uint16(band.Type)), bandLen)
		b = zeros(append(put32(put32(b, band.Rate), band.Burst), band.Precedence), 3)
	}
	return b
}

func decodeBands(r *reader) ([]MeterBand, error) {
	var bands []MeterBand
	for len(r.b) > 0 {
		band := MeterBand{Type: BandType(r.u16())}
		if n := r.u16(); n != bandLen {
			return nil, fmt.Errorf("openflow: meter band of %d bytes", n)
		}
		band.Rate, band.Burst, band.Precedence = r.u32(), r.u32(), r.u8()
		r.skip(3)
		bands = append(bands, band)
	}
	return bands, r.err("meter bands")
}

func decodeMeterMod(r *reader) (Message, error) {
	m := MeterMod{Command: MeterCommand(r.u16())}
	m.Meter.Flags, m.Meter.ID = MeterFlags(r.u16()), r.u32()
	var err error
	m.Meter.Bands, err = decodeBands(r)
	return m, err
}

func decodeMeters(r *reader) ([]MeterConfig, error) {
	var meters []MeterConfig
	for len(r.b) > 0 {
		n := int(r.u16())
		c := MeterConfig{Flags: MeterFlags(r.u16()), ID: r.u32()}
		if n < 8 {
			return nil, fmt.Errorf("openflow: meter of %d bytes", n)
		}
		var err error
		if c.Bands, err = decodeBands(r.entry(n, 8)); err != nil {
			return nil, err
		}
		meters = append(meters, c)
	}
	return meters, nil
}
