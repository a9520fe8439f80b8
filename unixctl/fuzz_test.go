package unixctl

import (
	"strings"
	"testing"
)

func FuzzParseConn(f *testing.F) {
	f.Add("udp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1000,dport=80),reply=(src=10.0.0.2,dst=10.0.0.1,sport=80,dport=1000),zone=7,mark=4660,labels=0xdeadbeef00000001")
	f.Add("icmpv6,orig=(src=fd00::1,dst=fd00::2,id=0,type=128,code=0),reply=(src=fd00::2,dst=fd00::1,id=0,type=129,code=0),id=0,zone=7,status=0,timeout=59")
	f.Add("tcp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1,dport=2),reply=(src=10.0.0.2,dst=10.0.0.1,sport=2,dport=1),protoinfo=(state=SYN_SENT)")
	f.Fuzz(func(t *testing.T, line string) {
		c, err := ParseConn(line)
		if err != nil {
			return
		}
		// What was read as a connection can be named for a flush.
		if _, err := flushTuple(c.Proto, c.Orig); err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if !c.Reply.Src.IsValid() || !c.Reply.Dst.IsValid() {
			t.Errorf("%q: reply %+v", line, c.Reply)
		}
		if !strings.Contains(line, c.State) {
			t.Errorf("%q: state %q", line, c.State)
		}
	})
}

func FuzzParseLimits(f *testing.F) {
	f.Add("default limit=100\nzone=7,limit=10,count=0\nzone=9,limit=3,count=0\n")
	f.Fuzz(func(t *testing.T, text string) {
		l, err := ParseLimits(text)
		if err == nil && len(l.Zones) > strings.Count(text, "zone=") {
			t.Errorf("%q: %+v", text, l)
		}
	})
}

func FuzzParseRevalidations(f *testing.F) {
	f.Add("dummy@ovs-dummy:\n  flows         : (current 4) (avg 0) (max 0) (limit 10000)\n  dump duration : 1ms\n  ufid enabled : true\n\n  5: (keys 4)\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRevalidations(text)
		if err == nil && len(r) > strings.Count(text, ":") {
			t.Errorf("%q: %+v", text, r)
		}
	})
}

func FuzzParseVersion(f *testing.F) {
	f.Add("ovs-vswitchd (Open vSwitch) 3.1.0")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := parseVersion(text)
		if err == nil && (v.Major < 0 || v.Minor < 0 || v.Patch < 0) {
			t.Errorf("%q: %v", text, v)
		}
	})
}
