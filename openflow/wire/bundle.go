package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/ringfence/ringfence/openflow/internal/octets"
)

// BundleType is what a BundleControl asks or answers (OpenFlow 1.5 §7.3.9.2).
type BundleType uint16

// The requests, each followed by its reply.
const (
	BundleOpen      BundleType = 0
	BundleOpened    BundleType = 1
	BundleClose     BundleType = 2
	BundleClosed    BundleType = 3
	BundleCommit    BundleType = 4
	BundleCommitted BundleType = 5
	BundleDiscard   BundleType = 6
	BundleDiscarded BundleType = 7
)

// BundleFlags say how a bundle is applied.
type BundleFlags uint16

// The flags of a bundle.
const (
	BundleAtomic  BundleFlags = 1 << 0 // packets see all of it or nothing
	BundleOrdered BundleFlags = 1 << 1
)

// BundleControl opens, closes, commits or discards a bundle, or is the answer.
type BundleControl struct {
	ID    uint32
	Type  BundleType
	Flags BundleFlags
}

// BundleAdd puts a message into an open bundle. The message has the xid of the
// BundleAdd around it; that is where its errors come back.
type BundleAdd struct {
	ID      uint32
	Flags   BundleFlags
	Message Message
}

func (BundleControl) messageType() uint8 { return typeBundleControl }
func (BundleAdd) messageType() uint8     { return typeBundleAdd }

func (m BundleControl) appendBody(b []byte) ([]byte, error) {
	return octets.Put16(octets.Put16(octets.Put32(b, m.ID), uint16(m.Type)), uint16(m.Flags)), nil
}

func (m BundleAdd) appendBody(b []byte) ([]byte, error) {
	if m.Message == nil {
		return nil, fmt.Errorf("openflow: a bundle add without a message")
	}
	xid := binary.BigEndian.Uint32(b[len(b)-4:]) // of the header just before
	b = octets.Put16(octets.Zeros(octets.Put32(b, m.ID), 2), uint16(m.Flags))
	return Append(b, xid, m.Message)
}

func decodeBundleControl(r *octets.Reader) BundleControl {
	return BundleControl{ID: r.U32(), Type: BundleType(r.U16()), Flags: BundleFlags(r.U16())}
}

func decodeBundleAdd(r *octets.Reader) (Message, error) {
	m := BundleAdd{ID: r.U32()}
	r.Skip(2)
	m.Flags = BundleFlags(r.U16())
	if err := r.Err("bundle add"); err != nil {
		return nil, err
	}
	n, err := MessageLen(r.B)
	if err != nil || n > len(r.B) {
		return nil, fmt.Errorf("openflow: bundle add: %w", octets.OrTruncated(err))
	}
	if r.B[1] == typeBundleAdd {
		return nil, fmt.Errorf("openflow: bundle add in a bundle add")
	}
	_, m.Message, err = Decode(r.Take(n))
	if err != nil {
		return nil, fmt.Errorf("openflow: bundle add: %w", err)
	}
	r.Take(len(r.B)) // properties, of which there are none yet
	return m, nil
}
