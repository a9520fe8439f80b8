package unixctl

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ringfence/ringfence/packet"
)

// Lines of the kernel's and the userspace datapath, with the options they
// were printed with.
func TestParseConn(t *testing.T) {
	t.Parallel()
	tuple := func(src, dst string, sport, dport uint16) Tuple {
		return Tuple{Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst), SPort: sport, DPort: dport}
	}
	for line, want := range map[string]Conn{
		"udp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1000,dport=80),reply=(src=10.0.0.2,dst=10.0.0.1,sport=80,dport=1000)": {
			Proto: 17, Orig: tuple("10.0.0.1", "10.0.0.2", 1000, 80), Reply: tuple("10.0.0.2", "10.0.0.1", 80, 1000)},
		"tcp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1,dport=2,packets=3,bytes=4),reply=(src=10.0.0.2,dst=10.0.0.1,sport=2,dport=1,packets=5,bytes=6),start=2026-01-02T03:04:05.006,id=3243453000,zone=65535,status=SEEN_REPLY|ASSURED|CONFIRMED,timeout=86399,mark=4294967295,labels=0xffffffffffffffffffffffffffffffff,protoinfo=(state_orig=SYN_SENT,state_reply=ESTABLISHED,wscale_orig=7,wscale_reply=7,flags_orig=WINDOW_SCALE|SACK_PERM,flags_reply=0),helper=ftp,parent=(src=10.0.0.1,dst=10.0.0.2,id=1,type=8,code=0)": {
			Proto: 6, Orig: tuple("10.0.0.1", "10.0.0.2", 1, 2), Reply: tuple("10.0.0.2", "10.0.0.1", 2, 1),
			Zone: 65535, Mark: 0xffffffff, Labels: [16]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
			State: "ESTABLISHED", Timeout: 86399 * time.Second, Sent: Count{3, 4}, Received: Count{5, 6},
			Start: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.Local)},
		"sctp,orig=(src=::1,dst=::2,sport=1,dport=2),reply=(src=::2,dst=::1,sport=2,dport=1),protoinfo=(state=COOKIE_WAIT,vtag_orig=4294967295,vtag_reply=0)": {
			Proto: 132, Orig: tuple("::1", "::2", 1, 2), Reply: tuple("::2", "::1", 2, 1), State: "COOKIE_WAIT"},
		"255,orig=(src=10.0.0.1,dst=10.0.0.2,sport=0,dport=0),reply=(src=10.0.0.2,dst=10.0.0.1,sport=0,dport=0),labels=0x1": {
			Proto: 255, Orig: tuple("10.0.0.1", "10.0.0.2", 0, 0), Reply: tuple("10.0.0.2", "10.0.0.1", 0, 0), Labels: [16]byte{15: 1}},
	} {
		got, err := ParseConn(line)
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); err != nil || diff != "" {
			t.Errorf("%s\n%v (-want +got):\n%s", line, err, diff)
		}
	}
}

func TestParseConnNamesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	const orig, reply = "orig=(src=10.0.0.1,dst=10.0.0.2,sport=1,dport=2)", "reply=(src=10.0.0.2,dst=10.0.0.1,sport=2,dport=1)"
	const both = orig + "," + reply
	for line, names := range map[string]string{
		"quic," + both:                                                   `protocol "quic"`,
		"256," + both:                                                    `protocol "256"`,
		"tcp":                                                            "orig is missing",
		"tcp," + orig:                                                    "reply is missing",
		"tcp," + both + ",":                                              "nothing after the comma" + "|followed by",
		"tcp," + both + ",zone=1,":                                       "zone=1: nothing after the comma",
		"tcp," + both + ",zone=65536":                                    "zone=65536",
		"tcp," + both + ",zone=-1":                                       "zone=-1",
		"tcp," + both + ",mark=0x1":                                      "mark=0x1",
		"tcp," + both + ",labels=12":                                     "labels=12",
		"tcp," + both + ",labels=0x":                                     "labels=0x",
		"tcp," + both + ",labels=0xg":                                    "labels=0xg",
		"tcp," + both + ",colour=red":                                    "colour=red: unknown",
		"tcp," + both + ",zone=1,id":                                     `"id"`,
		"tcp," + both + "," + orig:                                       "orig is given twice",
		"tcp," + both + ",protoinfo=()":                                  "no state",
		"tcp," + both + ",start=yesterday":                               "start=yesterday",
		"tcp," + both + ",protoinfo=(mood=good)":                         "mood=good: unknown",
		"tcp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1":                    "no closing parenthesis",
		"tcp,orig=(src=10.0.0.1,dst=::1,sport=1,dport=2)":                "mixes",
		"tcp,orig=(src=10.0.0.1,sport=1,dport=2)":                        "dst is missing",
		"tcp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1)":                   "dport is missing",
		"tcp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=65536)":               "sport=65536",
		"tcp,orig=(src=10.0.0.256)":                                      "src=10.0.0.256",
		"udp,orig=(src=fe80::1%1)":                                       "with a zone",
		"tcp,orig=(src=1.1.1.1,dst=1.1.1.1,id=1,type=8,code=0)":          "wrong fields for protocol 6",
		"icmp," + both:                                                   "wrong fields for protocol 1",
		"icmp,orig=(src=1.1.1.1,dst=1.1.1.1,id=1,type=8,code=0,sport=1)": "both ports and an ICMP type",
		"icmp,orig=(src=1.1.1.1,dst=1.1.1.1,type=8)":                     "id is missing",
		"17,orig=(Unsupported address family: 0. HEX:":                   "no closing parenthesis",
		"tcp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1,dport=2)reply=(src=1.1.1.1)": "followed by",
		"tcp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1,dport=2,vlan=3)":             "vlan=3: unknown",
		"tcp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1,dport=2,packets=many)":       "packets=many",
		"tcp,orig=(src=10.0.0.1,src=10.0.0.1,dst=10.0.0.2,sport=1,dport=2)":       "src is given twice",
	} {
		_, err := ParseConn(line)
		if err == nil {
			t.Errorf("%s: accepted", line)
			continue
		}
		ok := false
		for name := range strings.SplitSeq(names, "|") {
			ok = ok || strings.Contains(err.Error(), name)
		}
		if !ok {
			t.Errorf("%s\n%v\ndoes not say %q", line, err, names)
		}
	}
}

func TestDumpKeepsWhatItCanRead(t *testing.T) {
	t.Parallel()
	const good = "udp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1,dport=2),reply=(src=10.0.0.2,dst=10.0.0.1,sport=2,dport=1)\n"
	conns, err := parseConns(good + "rubbish\n\n" + good + "more rubbish\n")
	var bad *DumpError
	if len(conns) != 2 || !errors.As(err, &bad) || bad.Count != 2 || !strings.Contains(bad.Error(), "rubbish") {
		t.Errorf("%d connections, %v", len(conns), err)
	}
}

func TestParseLimitsAndRevalidations(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"default limit=x", "zone=1", "zone=1,limit=2,count=3,x=4", "zone=1,limit=2,count=-3", "hello", "zone=1,zone=1"} {
		if l, err := ParseLimits(text); err == nil {
			t.Errorf("limits %q: %+v", text, l)
		}
	}
	if l, err := ParseLimits("\nzone=1,limit=2,count=3\n"); err != nil || len(l.Zones) != 1 || l.Default != 0 {
		t.Errorf("no default: %+v, %v", l, err)
	}

	const two = "system@ovs-system:\n  flows         : (current 12) (avg 3) (max 9) (limit 200000)\n  offloaded flows : 0\n  dump duration : 17ms\n  ufid enabled : true\n\n  5: (keys 4)\nnetdev@ovs-netdev:\n  flows         : (current 0) (avg 0) (max 0) (limit 1)\n  dump duration : 1ms\n"
	got, err := ParseRevalidations(two)
	want := []Revalidation{{"system@ovs-system", 12, 200000, 17 * time.Millisecond}, {"netdev@ovs-netdev", 0, 1, time.Millisecond}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, text := range []string{
		"a@b:\n  flows : (current 1) (limit 2)\n",
		"a@b:\n  dump duration : 1ms\n",
		"a@b:\n  flows : (current x) (limit 2)\n  dump duration : 1ms\n",
		"a@b:\n  flows : (current 1)\n  dump duration : 1ms\n",
		"a@b:\n  flows : (current 1) (limit 2)\n  dump duration : 1s\n",
		"  flows : (current 1) (limit 2)\n",
	} {
		if r, err := ParseRevalidations(text); err == nil {
			t.Errorf("%q: %+v", text, r)
		}
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Version{
		"ovs-vswitchd (Open vSwitch) 3.1.0":                   {3, 1, 0},
		"ovs-vswitchd (Open vSwitch) 2.17.10-rc1\nDPDK 21.11": {2, 17, 10},
	} {
		if got, err := parseVersion(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "3.1.0", "(Open vSwitch) 3.1", "(Open vSwitch) x", "(Open vSwitch) 3..1", "(Open vSwitch) 3.1.999999"} {
		if got, err := parseVersion(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
	echo := Tuple{ICMPType: 128}
	for v, safe := range map[Version]bool{
		{2, 13, 0}: false, {2, 17, 9}: false, {2, 17, 10}: true, {3, 0, 6}: false, {3, 1, 0}: false, {3, 1, 4}: false,
		{3, 1, 5}: true, {3, 2, 2}: false, {3, 2, 3}: true, {3, 3, 0}: false, {3, 3, 1}: true, {3, 4, 0}: true, {4, 0, 0}: true,
	} {
		if got := flushSafe(v, packet.ProtoICMPv6, echo); got != safe {
			t.Errorf("flush of an ICMPv6 echo connection on %s: safe %v", v, got)
		}
	}
}

func BenchmarkParseConn(b *testing.B) {
	const line = "tcp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=1000,dport=80),reply=(src=10.0.0.2,dst=10.0.0.1,sport=80,dport=1000),zone=7,timeout=29,mark=4660,labels=0xdeadbeef00000001,protoinfo=(state=SYN_SENT)"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseConn(line); err != nil {
			b.Fatal(err)
		}
	}
}
