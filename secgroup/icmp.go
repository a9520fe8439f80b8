package secgroup

// ICMPClass is what connection tracking makes of an ICMP or ICMPv6 type.
//
// The two datapaths of Open vSwitch differ a little, see their
// lib/conntrack.c, extract_l4_icmp(), extract_l4_icmp6() and
// lib/conntrack-icmp.c, and the kernel's net/netfilter/nf_conntrack_proto_icmp.c
// and nf_conntrack_proto_icmpv6.c:
//
//	             requests and their replies            errors
//	             IPv4                     IPv6         IPv4          IPv6
//	userspace    8/0 13/14 15/16          128/129      3 4 5 11 12   1-4
//	kernel       8/0 13/14 15/16 17/18    128/129      3 4 5 11 12   0-127
//	                                      139/140
//
// The userspace one tracks requests of code 0 only, the kernel's those of every
// code. What is in neither column of its datapath is invalid to it, or untracked,
// which Open vSwitch shows as invalid. The classes are those of the userspace
// datapath, for both: what only the kernel tracks is stateless on it too, and a
// request with a code is dropped on it too.
type ICMPClass uint8

// The classes.
const (
	// ICMPStateless is what is not tracked: each packet is judged by the rules at
	// both ends for itself. MLD, node information, address masks, extended echo,
	// what nobody has assigned yet.
	ICMPStateless ICMPClass = iota
	// ICMPRequest begins a connection, with code 0; with another it is invalid.
	ICMPRequest
	// ICMPReply belongs to a connection that a request began. Alone it is invalid.
	ICMPReply
	// ICMPError is about a connection of whatever protocol, which it quotes.
	// About none it is invalid.
	ICMPError
)

// ICMPClassOf returns the class of a type of ICMP (FamilyIPv4) or ICMPv6
// (FamilyIPv6). Neighbour discovery, which the guard decides on, is stateless.
func ICMPClassOf(f Family, typ uint8) ICMPClass {
	if f == FamilyIPv6 {
		switch {
		case typ == 128:
			return ICMPRequest
		case typ == 129:
			return ICMPReply
		case typ < 128: // RFC 4443 §2.1
			return ICMPError
		case typ == 137: // Redirect, as ICMP's. It is never related to anything.
			return ICMPError
		}
		return ICMPStateless
	}
	switch typ {
	case 8, 13, 15: // echo, timestamp, information
		return ICMPRequest
	case 0, 14, 16:
		return ICMPReply
	case 3, 4, 5, 11, 12: // unreachable, source quench, redirect, time exceeded, parameter problem
		return ICMPError
	}
	return ICMPStateless
}

// ICMPBegins reports whether a message that belongs to nothing can pass where a
// rule allows it: it begins a connection, or needs none. All others are invalid
// to connection tracking unless they belong to a connection.
func ICMPBegins(f Family, typ, code uint8) bool {
	switch ICMPClassOf(f, typ) {
	case ICMPStateless:
		return true
	case ICMPRequest:
		return code == 0
	default:
		return false
	}
}

// ICMPAnswer returns the type that answers a request; ok is false for what is no
// ICMPRequest.
func ICMPAnswer(f Family, request uint8) (reply uint8, ok bool) {
	switch {
	case ICMPClassOf(f, request) != ICMPRequest:
		return 0, false
	case f == FamilyIPv4 && request == 8:
		return 0, true
	}
	return request + 1, true
}
