package openflow

// Action is one thing that a flow does with a packet: one of the structs of
// this file. Actions that hold slices are not comparable with ==; Actions is.
type Action interface{ isAction() }

// Range is some bits of a field: Width bits from bit Offset up, 0 being the
// least significant. Width 0 is all bits from Offset to the field's end, so the
// zero Range is the whole field.
type Range struct{ Offset, Width uint8 }

// Output sends the packet to an ofport or a reserved port. MaxLen is the
// number of bytes sent if Port is PortController (NoBuffer for all), else 0.
type Output struct {
	Port   uint32
	MaxLen uint16
}

// OutputField sends the packet to the ofport that these bits of a field name;
// whole, if that is the controller.
type OutputField struct {
	Field Field
	Bits  Range
}

// SetField writes the bits of Value that Mask sets; Mask 0 is the whole field.
// The field has at most 64 bits.
type SetField struct {
	Field       Field
	Value, Mask uint64
}

// SetWide is SetField for fields of more than 64 bits (ct_label, IPv6
// addresses), most significant byte first; an all-zero Mask is the whole field.
type SetWide struct {
	Field       Field
	Value, Mask [16]byte
}

// CopyField copies bits of one field over as many of another
// (OFPAT_COPY_FIELD, "move" in ovs-actions(7)). SrcBits.Width and
// DstBits.Width are equal, or 0 where that comes to the same.
type CopyField struct {
	Src     Field
	SrcBits Range
	Dst     Field
	DstBits Range
}

// PushVLAN adds a VLAN tag of EtherType EthTypeVLAN, VID 0; SetField of
// VlanVID usually follows.
type PushVLAN struct{}

// PopVLAN takes off the outermost VLAN tag.
type PopVLAN struct{}

// DecTTL decrements the IP TTL or hop limit.
type DecTTL struct{}

// Resubmit goes on in Table and then with the next action. InPort, if not 0,
// stands in for the input port. WithCT looks the packet up with the original
// direction's addresses of its connection.
type Resubmit struct {
	Table  uint8
	InPort uint32
	WithCT bool
}

// Goto goes on in Table after all actions. It is the last of a flow's actions.
type Goto struct{ Table uint8 }

// WriteMetadata writes the bits of the metadata field that Mask sets; Mask 0
// is all. Only Goto may follow.
type WriteMetadata struct{ Value, Mask uint64 }

// Meter drops what goes beyond a meter's rate.
type Meter struct{ ID uint32 }

// Group hands the packet to a group.
type Group struct{ ID uint32 }

// CT sends the packet through connection tracking (NXAST_CT).
type CT struct {
	Commit, Force bool
	Zone          uint16 // if ZoneField is none
	ZoneField     Field  // the zone is taken from 16 bits of this field
	ZoneBits      Range  // of ZoneField; the zero Range is bits 0 to 15
	Table         int    // where a tracked copy of the packet goes on; NoTable if nowhere
	ALG           uint16 // 0, or the port of a helper: 21 is ftp, 69 is tftp
	Exec          []Action
}

// NoTable is CT.Table for no recirculation.
const NoTable = -1

// CTClear forgets what ct() found out.
type CTClear struct{}

// Conjunction makes the flow one that satisfies clause Clause of Of of a
// conjunction, counted from 1 as in text: conjunction(ID, Clause/Of).
type Conjunction struct {
	ID         uint32
	Clause, Of uint8
}

// Controller sends the packet to the controller as a packet-in
// (NXAST_CONTROLLER2). One with nothing but MaxLen set is the same as
// Output{PortController, MaxLen}, and becomes that.
type Controller struct {
	// MaxLen is how many bytes of the packet to send, NoBuffer for all. Open
	// vSwitch keeps no packets for later and sends them whole in any case.
	MaxLen   uint16
	ID       uint16 // controller connection id, 0 for the default
	Reason   PacketInReason
	UserData []byte // given back in the packet-in
	Pause    bool   // the controller resumes the packet
	Meter    uint32 // meter for these packet-ins; 0 for none
}

// PacketInReason is why a packet went to the controller (OFPR_*).
type PacketInReason uint8

// The reasons, as Open vSwitch numbers them inside actions.
const (
	ReasonNoMatch    PacketInReason = 0
	ReasonAction     PacketInReason = 1
	ReasonInvalidTTL PacketInReason = 2
	ReasonActionSet  PacketInReason = 3
	ReasonGroup      PacketInReason = 4
	ReasonPacketOut  PacketInReason = 5
)

// Note does nothing; it holds bytes.
type Note struct{ Data []byte }

// Clone runs actions on a copy of the packet and of its metadata.
type Clone struct{ Actions []Action }

// Unknown is an action, or an instruction, that this package does not know,
// as a foreign flow may have it: its bytes on the wire.
type Unknown struct {
	Instruction bool
	Raw         string
}

func (Output) isAction()        {}
func (OutputField) isAction()   {}
func (SetField) isAction()      {}
func (SetWide) isAction()       {}
func (CopyField) isAction()     {}
func (PushVLAN) isAction()      {}
func (PopVLAN) isAction()       {}
func (DecTTL) isAction()        {}
func (Resubmit) isAction()      {}
func (Goto) isAction()          {}
func (WriteMetadata) isAction() {}
func (Meter) isAction()         {}
func (Group) isAction()         {}
func (CT) isAction()            {}
func (CTClear) isAction()       {}
func (Conjunction) isAction()   {}
func (Controller) isAction()    {}
func (Note) isAction()          {}
func (Clone) isAction()         {}
func (Unknown) isAction()       {}
