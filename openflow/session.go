package openflow

import (
	"fmt"
)

// Hello opens a connection. Versions has bit v set for each version v that the
// sender speaks (OpenFlow 1.5 §7.5.1).
type Hello struct{ Versions uint32 }

// EchoRequest asks whether the peer is there; the reply has the same data.
type EchoRequest struct{ Data []byte }

// EchoReply answers an EchoRequest.
type EchoReply struct{ Data []byte }

// FeaturesRequest asks for FeaturesReply.
type FeaturesRequest struct{}

// FeaturesReply says what the switch is and can do.
type FeaturesReply struct {
	DatapathID   uint64
	Buffers      uint32
	Tables       uint8
	AuxiliaryID  uint8
	Capabilities uint32 // bits of CapabilityBundles, …
}

// Bits of FeaturesReply.Capabilities.
const (
	CapabilityBundles        = 1 << 9
	CapabilityFlowMonitoring = 1 << 10
)

// SetConfig sets how the switch treats fragments and how much of a packet it
// sends to this connection by default. A connection to a bridge's management
// socket gets asynchronous messages only once MissSendLen is not 0.
type SetConfig struct {
	Flags       uint16
	MissSendLen uint16 // bytes
}

// BarrierRequest asks for BarrierReply, which comes when all earlier messages
// have been processed.
type BarrierRequest struct{}

// BarrierReply answers a BarrierRequest.
type BarrierReply struct{}

// RoleRequest asks for a role among the switch's controllers.
type RoleRequest struct {
	Role       Role
	Generation uint64 // of the election; must not go back
}

// RoleReply says which role the connection has.
type RoleReply RoleRequest

// Role is a controller's role (OpenFlow 1.5 §7.3.9).
type Role uint32

// The roles. A RoleRequest with RoleNoChange asks for the present one.
const (
	RoleNoChange  Role = 0
	RoleEqual     Role = 1
	RolePrimary   Role = 2
	RoleSecondary Role = 3
)

func (Hello) messageType() uint8           { return typeHello }
func (EchoRequest) messageType() uint8     { return typeEchoRequest }
func (EchoReply) messageType() uint8       { return typeEchoReply }
func (FeaturesRequest) messageType() uint8 { return typeFeaturesRequest }
func (FeaturesReply) messageType() uint8   { return typeFeaturesReply }
func (SetConfig) messageType() uint8       { return typeSetConfig }
func (BarrierRequest) messageType() uint8  { return typeBarrierRequest }
func (BarrierReply) messageType() uint8    { return typeBarrierReply }
func (RoleRequest) messageType() uint8     { return typeRoleRequest }
func (RoleReply) messageType() uint8       { return typeRoleReply }

// helloVersions is the hello element that holds the bitmap of versions.
const helloVersions = 1

func (m Hello) appendBody(b []byte) ([]byte, error) {
	return put32(append(b, 0, helloVersions, 0, 8), m.Versions), nil
}

func (m EchoRequest) appendBody(b []byte) ([]byte, error)   { return append(b, m.Data...), nil }
func (m EchoReply) appendBody(b []byte) ([]byte, error)     { return append(b, m.Data...), nil }
func (FeaturesRequest) appendBody(b []byte) ([]byte, error) { return b, nil }
func (BarrierRequest) appendBody(b []byte) ([]byte, error)  { return b, nil }
func (BarrierReply) appendBody(b []byte) ([]byte, error)    { return b, nil }

func (m FeaturesReply) appendBody(b []byte) ([]byte, error) {
	b = put32(put64(b, m.DatapathID), m.Buffers)
	b = zeros(append(b, m.Tables, m.AuxiliaryID), 2)
	return put32(put32(b, m.Capabilities), 0), nil
}

func (m SetConfig) appendBody(b []byte) ([]byte, error) {
	return put16(put16(b, m.Flags), m.MissSendLen), nil
}

func (m RoleRequest) appendBody(b []byte) ([]byte, error) {
	return put64(put32(put32(b, uint32(m.Role)), 0), m.Generation), nil
}

func (m RoleReply) appendBody(b []byte) ([]byte, error) { return RoleRequest(m).appendBody(b) }

// decodeHello reads the hello elements; unknown ones are skipped, as they must.
func decodeHello(r *reader) (Message, error) {
	var m Hello
	for len(r.b) > 0 {
		typ := r.u16()
		n := int(r.u16())
		if n < 4 {
			return nil, fmt.Errorf("openflow: hello: element %d of %d bytes", typ, n)
		}
		e := r.entry(n, 4)
		r.skip(min(-n&7, len(r.b)))
		if typ == helloVersions && len(e.b) > 0 {
			m.Versions = e.u32()
		}
		if err := e.err("hello"); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func decodeFeatures(r *reader) FeaturesReply {
	m := FeaturesReply{DatapathID: r.u64(), Buffers: r.u32(), Tables: r.u8(), AuxiliaryID: r.u8()}
	r.skip(2)
	m.Capabilities = r.u32()
	r.skip(4)
	return m
}

func decodeRole(r *reader) RoleRequest {
	m := RoleRequest{Role: Role(r.u32())}
	r.skip(4)
	m.Generation = r.u64()
	return m
}
