package openflow

import "fmt"

// GroupCommand is what a GroupMod does (OFPGC_*).
type GroupCommand uint16

// The commands. GroupAddOrModify is Open vSwitch's.
const (
	GroupAdd          GroupCommand = 0
	GroupModify       GroupCommand = 1
	GroupDelete       GroupCommand = 2
	GroupInsertBucket GroupCommand = 3
	GroupRemoveBucket GroupCommand = 5
	GroupAddOrModify  GroupCommand = 0x8000
)

// GroupType is how a group uses its buckets (OFPGT_*).
type GroupType uint8

// The types.
const (
	GroupAll          GroupType = 0 // every bucket
	GroupSelect       GroupType = 1 // one bucket
	GroupIndirect     GroupType = 2 // the only bucket
	GroupFastFailover GroupType = 3 // the first live bucket
)

// AllGroups stands for every group (OFPG_ALL).
const AllGroups = 0xfffffffc

// Buckets of GroupInsertBucket and GroupRemoveBucket.
const (
	FirstBucket = 0xfffffffd
	LastBucket  = 0xfffffffe
	AllBuckets  = 0xffffffff
)

// Bucket is a list of actions of a group.
type Bucket struct {
	ID         uint32
	Weight     uint16 // of GroupSelect
	WatchPort  uint32 // of GroupFastFailover; 0 is none
	WatchGroup uint32 // of GroupFastFailover; 0 is none
	Actions    Actions
}

// GroupDesc is a group.
type GroupDesc struct {
	ID      uint32
	Type    GroupType
	Buckets []Bucket
}

// GroupMod changes groups.
type GroupMod struct {
	Command GroupCommand
	Group   GroupDesc
	Bucket  uint32 // for GroupInsertBucket and GroupRemoveBucket: after or which
}

// GroupDescRequest asks for a group, or for all if Group is AllGroups.
type GroupDescRequest struct{ Group uint32 }

// GroupDescReply is part of the answer to a GroupDescRequest.
type GroupDescReply struct {
	More   bool // another part follows
	Groups []GroupDesc
}

func (GroupMod) messageType() uint8         { return typeGroupMod }
func (GroupDescRequest) messageType() uint8 { return typeMultipartRequest }
func (GroupDescReply) messageType() uint8   { return typeMultipartReply }

// Properties of a bucket.
const (
	bucketWeight     = 0
	bucketWatchPort  = 1
	bucketWatchGroup = 2
)

func (m GroupMod) appendBody(b []byte) ([]byte, error) {
	buckets, err := appendBuckets(nil, m.Group.Buckets)
	if err != nil {
		return nil, err
	}
	bucket := m.Bucket
	if m.Command != GroupInsertBucket && m.Command != GroupRemoveBucket {
		bucket = AllBuckets
	}
	b = append(put16(b, uint16(m.Command)), byte(m.Group.Type), 0)
	b = zeros(put16(put32(b, m.Group.ID), uint16(len(buckets))), 2)
	return append(put32(b, bucket), buckets...), nil
}

func (m GroupDescRequest) appendBody(b []byte) ([]byte, error) {
	return put32(put32(appendMultipart(b, multipartGroupDesc, false), m.Group), 0), nil
}

func (m GroupDescReply) appendBody(b []byte) ([]byte, error) {
	b = appendMultipart(b, multipartGroupDesc, m.More)
	for _, g := range m.Groups {
		buckets, err := appendBuckets(nil, g.Buckets)
		if err != nil {
			return nil, err
		}
		b = append(put16(b, uint16(16+len(buckets))), byte(g.Type), 0)
		b = zeros(put16(put32(b, g.ID), uint16(len(buckets))), 6)
		b = append(b, buckets...)
	}
	return b, nil
}

func appendBuckets(b []byte, buckets []Bucket) ([]byte, error) {
	for _, bucket := range buckets {
		list, err := bucket.Actions.list()
		if err != nil {
			return nil, fmt.Errorf("openflow: group: %w", err)
		}
		start := len(b)
		b = put32(put16(append(b, 0, 0), uint16(len(list))), bucket.ID)
		b = append(b, list...)
		if bucket.Weight != 0 {
			b = appendProperty(b, bucketWeight, put16(nil, bucket.Weight))
		}
		if bucket.WatchPort != 0 {
			b = appendProperty(b, bucketWatchPort, put32(nil, bucket.WatchPort))
		}
		if bucket.WatchGroup != 0 {
			b = appendProperty(b, bucketWatchGroup, put32(nil, bucket.WatchGroup))
		}
		if n := len(b) - start; len(b) > maxMessage-32 {
			return nil, fmt.Errorf("openflow: group: buckets of %d bytes: %w", len(b), ErrTooLong)
		} else {
			b[start], b[start+1] = byte(n>>8), byte(n)
		}
	}
	return b, nil
}

func decodeGroupMod(r *reader) (Message, error) {
	m := GroupMod{Command: GroupCommand(r.u16())}
	m.Group.Type = GroupType(r.u8())
	r.skip(1)
	m.Group.ID = r.u32()
	n := int(r.u16())
	r.skip(2)
	if m.Bucket = r.u32(); m.Command != GroupInsertBucket && m.Command != GroupRemoveBucket {
		m.Bucket = 0
	}
	var err error
	m.Group.Buckets, err = decodeBuckets(r.entry(n, 0))
	r.take(len(r.b)) // properties, of which we use none
	return m, err
}

func decodeGroups(r *reader) ([]GroupDesc, error) {
	var groups []GroupDesc
	for len(r.b) > 0 {
		n := int(r.u16())
		g := GroupDesc{Type: GroupType(r.u8())}
		r.skip(1)
		g.ID = r.u32()
		size := int(r.u16())
		r.skip(6)
		if n < 16+size {
			return nil, fmt.Errorf("openflow: group of %d bytes with buckets of %d", n, size)
		}
		e := r.entry(n, 16)
		var err error
		if g.Buckets, err = decodeBuckets(e.entry(size, 0)); err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}

func decodeBuckets(r *reader) ([]Bucket, error) {
	var buckets []Bucket
	for len(r.b) > 0 {
		n, size := int(r.u16()), int(r.u16())
		bucket := Bucket{ID: r.u32()}
		if n < 8+size {
			return nil, fmt.Errorf("openflow: bucket of %d bytes with actions of %d", n, size)
		}
		e := r.entry(n, 8)
		var err error
		if bucket.Actions, err = e.entry(size, 0).actions(); err != nil {
			return nil, err
		}
		for len(e.b) > 0 {
			typ, p, err := e.property("bucket")
			if err != nil {
				return nil, err
			}
			switch typ {
			case bucketWeight:
				bucket.Weight = p.u16()
			case bucketWatchPort:
				bucket.WatchPort = orZero(p.u32())
			case bucketWatchGroup:
				bucket.WatchGroup = orZero(p.u32())
			}
			if err := p.err("bucket"); err != nil {
				return nil, err
			}
		}
		if err := e.err("bucket"); err != nil {
			return nil, err
		}
		buckets = append(buckets, bucket)
	}
	return buckets, r.err("buckets")
}
