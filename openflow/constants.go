package openflow

// Ethernet types, for EthType (IEEE 802 numbers of the IANA registry).
const (
	EthTypeIPv4 = 0x0800
	EthTypeARP  = 0x0806
	EthTypeRARP = 0x8035
	EthTypeVLAN = 0x8100
	EthTypeIPv6 = 0x86dd
	EthTypeMPLS = 0x8847

	ethTypeMPLSMulticast = 0x8848
)

// IP protocols, for IPProto.
const (
	ProtoICMP   = 1
	ProtoIGMP   = 2
	ProtoTCP    = 6
	ProtoUDP    = 17
	ProtoICMPv6 = 58
	ProtoSCTP   = 132
)

// ICMP types of RFC 792 and RFC 1256, ICMPv6 types of RFC 4861.
const (
	ICMPRedirect          = 5
	ICMPRouterAdvert      = 9
	ICMPv6RouterSolicit   = 133
	ICMPv6RouterAdvert    = 134
	ICMPv6NeighborSolicit = 135
	ICMPv6NeighborAdvert  = 136
	ICMPv6Redirect        = 137
)

// The bits of CTState (ovs-fields(7)).
const (
	CTNew  = 1 << 0
	CTEst  = 1 << 1
	CTRel  = 1 << 2
	CTRpl  = 1 << 3 // the packet goes in the reply direction
	CTInv  = 1 << 4
	CTTrk  = 1 << 5 // the packet went through ct()
	CTSNAT = 1 << 6
	CTDNAT = 1 << 7
)

// The bits of IPFrag (ovs-fields(7), nw_frag).
const (
	FragAny   = 1 << 0 // a fragment
	FragLater = 1 << 1 // a fragment other than the first
)

// VlanPresent is the bit of VlanVID that is set in every tagged packet
// (OFPVID_PRESENT).
const VlanPresent = 0x1000

// The bits of TCPFlags (RFC 9293).
const (
	TCPFin = 1 << 0
	TCPSyn = 1 << 1
	TCPRst = 1 << 2
	TCPPsh = 1 << 3
	TCPAck = 1 << 4
	TCPUrg = 1 << 5
)

// Reserved ofports (OpenFlow 1.5 §7.2.1).
const (
	PortMax        uint32 = 0xff00 // Open vSwitch's ofports are below this
	PortInPort     uint32 = 0xfffffff8
	PortTable      uint32 = 0xfffffff9
	PortNormal     uint32 = 0xfffffffa
	PortFlood      uint32 = 0xfffffffb
	PortAll        uint32 = 0xfffffffc
	PortController uint32 = 0xfffffffd
	PortLocal      uint32 = 0xfffffffe
	PortAny        uint32 = 0xffffffff
)

// ValidPort reports whether p is a number an ofport can have or a reserved one.
func ValidPort(p uint32) bool { return p < PortMax || p >= PortInPort }

// NoBuffer as a length sent to the controller means the whole packet
// (OFPCML_NO_BUFFER).
const NoBuffer = 0xffff

// DefaultPriority is the priority of a flow whose text names none
// (OFP_DEFAULT_PRIORITY).
const DefaultPriority = 0x8000
