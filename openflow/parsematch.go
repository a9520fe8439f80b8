package openflow

import (
	"fmt"
	"slices"
	"strings"
)

// ParseMatch reads a match in the syntax of ovs-ofctl(8), "tcp,nw_src=10.0.0.0/8".
// Text that is not understood is an error that names it.
func ParseMatch(text string) (Match, error) {
	var p matchParser
	for rest := text; ; {
		t, next, done, err := nextToken(rest)
		if err != nil {
			return Match{}, fmt.Errorf("openflow: match: %w", err)
		}
		if done {
			break
		}
		if err := p.token(t); err != nil {
			return Match{}, fmt.Errorf("openflow: match: %w", err)
		}
		rest = next
	}
	return p.match()
}

// matchParser collects terms; what depends on the protocol waits until the
// protocol is known.
type matchParser struct {
	terms   []Term
	waiting []token
	opaque  string
}

// token takes in one token, or says that it is unknown.
func (p *matchParser) token(t token) error {
	if t.sep == 0 {
		return p.keyword(t.key)
	}
	if t.sep != '=' && t.sep != ':' {
		return fmt.Errorf("unknown %q", t)
	}
	switch t.key {
	case "tp_src", "tp_dst", "icmp_type", "icmp_code":
		p.waiting = append(p.waiting, t)
		return nil
	case "dl_vlan", "dl_vlan_pcp", "vlan_tci":
		return p.vlan(t)
	case "nw_tos":
		v, err := parseUint(t.value, 8)
		if err == nil && v&3 != 0 {
			err = fmt.Errorf("its two low-order bits are nw_ecn's")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
		p.terms = append(p.terms, IPDSCP.Is(v>>2))
		return nil
	case "oxm":
		return p.unknownFields(t.value)
	}
	f, ok := FieldByName(t.key)
	if !ok {
		return fmt.Errorf("unknown field %q", t.key)
	}
	term, err := parseValue(f, t.value)
	if err != nil {
		return err
	}
	p.terms = append(p.terms, term)
	return nil
}

func (p *matchParser) keyword(key string) error {
	for _, k := range protoKinds {
		if k.name == key {
			p.terms = append(p.terms, EthType.Is(uint64(k.ethType)), IPProto.Is(uint64(k.proto)))
			return nil
		}
	}
	for ethType, name := range ethKinds {
		if name == key {
			p.terms = append(p.terms, EthType.Is(uint64(ethType)))
			return nil
		}
	}
	return fmt.Errorf("unknown keyword %q", key)
}

// vlan reads the VLAN fields that OpenFlow 1.5 has otherwise.
func (p *matchParser) vlan(t token) error {
	value, mask := t.value, ""
	if t.key == "vlan_tci" {
		value, mask, _ = strings.Cut(t.value, "/")
	}
	v, err := parseUint(value, 16)
	m := uint64(0xffff)
	if err == nil && mask != "" {
		m, err = parseUint(mask, 16)
	}
	switch {
	case err != nil:
	case t.key == "dl_vlan" && v == 0xffff:
		p.terms = append(p.terms, VlanVID.Is(0))
	case t.key == "dl_vlan" && v > 0xfff, t.key == "dl_vlan_pcp" && v > 7:
		err = fmt.Errorf("too big")
	case t.key == "dl_vlan":
		p.terms = append(p.terms, VlanVID.Is(VlanPresent|v))
	case t.key == "dl_vlan_pcp":
		p.terms = append(p.terms, VlanPCP.Is(v))
	default:
		err = p.tci(v&m, m)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t, err)
	}
	return nil
}

// tci splits a VLAN TCI into the fields of OpenFlow 1.5.
func (p *matchParser) tci(v, m uint64) error {
	p.terms = append(p.terms, VlanVID.IsMasked(v&0x1fff, m&0x1fff))
	switch pcp := m >> 13; {
	case v&VlanPresent == 0 && v>>13 == 0 && (pcp == 0 || m&VlanPresent != 0): // no tag, no PCP
	case v&VlanPresent != 0 && pcp == 7:
		p.terms = append(p.terms, VlanPCP.Is(v>>13))
	case pcp != 0:
		return fmt.Errorf("no such condition on the PCP bits in OpenFlow 1.5")
	}
	return nil
}

// unknownFields reads TLVs as Match.String writes those it does not know.
func (p *matchParser) unknownFields(value string) error {
	raw, err := parseBytes(value)
	if err != nil {
		return err
	}
	m, err := DecodeMatch(raw)
	if err != nil {
		return err
	}
	if m.opaque() != m.tlvs || p.opaque != "" {
		return fmt.Errorf("oxm=%s has known fields", value)
	}
	p.opaque = m.tlvs
	return nil
}

func (p *matchParser) match() (Match, error) {
	if err := p.resolve(); err != nil {
		return Match{}, fmt.Errorf("openflow: match: %w", err)
	}
	m, err := NewMatch(p.terms...)
	m.tlvs += p.opaque
	return m, err
}

// resolve gives the waiting tokens the fields of the match's protocol.
func (p *matchParser) resolve() error {
	is := func(f Field) (uint64, bool) {
		i := slices.IndexFunc(p.terms, func(t Term) bool { return t.field == f })
		if i < 0 {
			return 0, false
		}
		v, _ := p.terms[i].Uint64()
		return v, true
	}
	ethType, _ := is(EthType)
	proto, _ := is(IPProto)
	for _, t := range p.waiting {
		f, ok := transportField(t.key, uint16(ethType), uint8(proto))
		if !ok {
			return fmt.Errorf("field %q needs a protocol that has it", t.key)
		}
		term, err := parseValue(f, t.value)
		if err != nil {
			return err
		}
		p.terms = append(p.terms, term)
	}
	if _, pcp := is(VlanPCP); pcp {
		if _, vid := is(VlanVID); !vid {
			p.terms = append(p.terms, VlanVID.IsMasked(VlanPresent, VlanPresent))
		}
	}
	return nil
}

// transportField is the field that a name stands for with this protocol.
func transportField(name string, ethType uint16, proto uint8) (Field, bool) {
	if ethType != EthTypeIPv4 && ethType != EthTypeIPv6 {
		return 0, false
	}
	icmp := name == "icmp_type" || name == "icmp_code"
	second := Field(0)
	if name == "tp_dst" || name == "icmp_code" {
		second = 1
	}
	switch {
	case proto == ProtoTCP && !icmp:
		return TCPSrc + second, true
	case proto == ProtoUDP && !icmp:
		return UDPSrc + second, true
	case proto == ProtoSCTP && !icmp:
		return SCTPSrc + second, true
	case proto == ProtoICMP && icmp && ethType == EthTypeIPv4:
		return ICMPType + second, true
	case proto == ProtoICMPv6 && icmp && ethType == EthTypeIPv6:
		return ICMPv6Type + second, true
	}
	return 0, false
}
