package openflow

// header is a decoded OXM header.
type header struct {
	class  uint16
	number uint8
	field  Field // 0 if unknown, or known with another length
	masked bool
	size   int // of the header itself: 4, or 8 with an experimenter
	length int // of value and mask
}

// parseHeader reads the OXM header that s starts with. The caller sees to it
// that the bytes are there; on less the header's size is 0.
func parseHeader[T string | []byte](s T) header {
	if len(s) < 4 {
		return header{}
	}
	h := header{
		class:  uint16(s[0])<<8 | uint16(s[1]),
		number: s[2] >> 1,
		masked: s[2]&1 != 0,
		size:   4,
		length: int(s[3]),
	}
	if h.class == classExp {
		if len(s) < 8 || h.length < 4 {
			return header{}
		}
		h.size, h.length = 8, h.length-4
	}
	h.field = fieldOf(h.class, h.number)
	if n := h.field.Len(); h.field != 0 && (!h.masked && h.length != n || h.masked && h.length != 2*n) {
		h.field = 0
	}
	return h
}

// fieldOf finds the field with this OXM or NXM number.
func fieldOf(class uint16, number uint8) Field {
	switch class {
	case classOXM:
		return headers[0][number&0x7f]
	case classNXM1:
		return headers[1][number&0x7f]
	case classNXM0:
		return headers[2][number&0x7f]
	case classEric:
		return headers[3][number&0x7f]
	}
	return 0
}

// headers maps field numbers of the classes OXM, NXM1, NXM0 and Eric to fields. The
// older numbers of a field are understood as well as the one that is written.
var headers = func() (t [4][128]Field) {
	for f := Field(1); f < NumFields; f++ {
		switch s := f.spec(); s.class {
		case classOXM:
			t[0][s.number] = f
		case classNXM1:
			t[1][s.number] = f
		case classEric:
			t[3][s.number] = f
		}
	}
	for number, f := range map[uint8]Field{
		16: TunID, 17: ARPSHA, 18: ARPTHA, 19: IPv6Src, 20: IPv6Dst, 21: ICMPv6Type, 22: ICMPv6Code,
		23: NDTarget, 24: NDSLL, 25: NDTLL, 27: IPv6Label, 28: IPECN, 34: TCPFlags,
	} {
		t[1][number] = f
	}
	for number, f := range map[uint8]Field{
		1: EthDst, 2: EthSrc, 3: EthType, 6: IPProto, 7: IPv4Src, 8: IPv4Dst, 9: TCPSrc, 10: TCPDst,
		11: UDPSrc, 12: UDPDst, 13: ICMPType, 14: ICMPCode, 15: ARPOp, 16: ARPSPA, 17: ARPTPA,
	} {
		t[2][number] = f
	}
	return t
}()
