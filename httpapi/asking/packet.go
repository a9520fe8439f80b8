package asking

import (
	"github.com/ringfence/ringfence/packet"
	"github.com/ringfence/ringfence/secgroup"
)

// Packet is a packet as answers have it.
type Packet struct {
	Family          secgroup.Family `json:"family"`
	Source          string          `json:"source"`
	Destination     string          `json:"destination"`
	Protocol        string          `json:"protocol"`
	SourcePort      uint16          `json:"source_port"`
	DestinationPort uint16          `json:"port"`
	ICMPType        uint8           `json:"icmp_type"`
	ICMPCode        uint8           `json:"icmp_code"`
}

// ShowPacket makes the JSON form.
func ShowPacket(p packet.Tuple) Packet {
	return Packet{secgroup.FamilyOf(p.Src), p.Src.String(), p.Dst.String(), packet.ProtocolName(p.Proto), p.SrcPort, p.DstPort, p.ICMPType, p.ICMPCode}
}
