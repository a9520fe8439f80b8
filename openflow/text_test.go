package openflow

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// sampleFlows are flows in text, with every field and action of the package.
// Tests read them back from ovs-ofctl and from a switch.
var sampleFlows = []string{
	"actions=drop",
	"table=3,cookie=0x5,priority=5,tcp,reg0=1,reg1=0x2/0xff,tp_dst=80,ct_state=+new-est+trk,in_port=5 actions=ct(commit,table=3,zone=5,exec(set_field:5->ct_mark)),resubmit(,5),load:5->reg0[1..5],set_field:0x5/0xff->reg3,goto_table:7",
	"priority=100,ip actions=conjunction(5,1/2),conjunction(5,2/3),conjunction(7,2/2)",
	"priority=101,ip,reg7=0 actions=conjunction(1,1/64),note:01.02",
	"priority=0,arp,arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.0/24,arp_sha=00:00:00:00:00:01,arp_tha=00:00:00:00:00:02 actions=NORMAL",
	"rarp,arp_op=3 actions=IN_PORT",
	"vlan_tci=0 actions=output:1",
	"vlan_tci=0x1000/0x1000 actions=pop_vlan,output:1",
	"vlan_tci=0x0001/0x0fff actions=output:2",
	"dl_vlan=5 actions=LOCAL",
	"dl_vlan=0 actions=ALL",
	"dl_vlan=5,dl_vlan_pcp=3,ip actions=FLOOD",
	"dl_vlan_pcp=3 actions=output:65279",
	"dl_vlan=4095,dl_vlan_pcp=0 actions=push_vlan:0x8100,set_field:4196->vlan_vid,output:1",
	"dl_type=0x1234,dl_src=00:11:22:33:44:55,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00 actions=CONTROLLER:65535",
	"ipv6,nw_frag=no,ct_label=5 actions=output:NXM_NX_REG3[]",
	"ip,nw_frag=first actions=output:NXM_NX_REG3[0..15]",
	"ip,nw_frag=later actions=output:NXM_NX_REG3[8..23]",
	"ip,nw_frag=yes actions=drop",
	"ip,nw_frag=not_later actions=drop",
	"ip,nw_src=10.1.2.3,nw_dst=10.0.0.0/8,nw_proto=47,nw_tos=32,nw_ecn=1,nw_ttl=64 actions=dec_ttl,resubmit:3",
	"ip,nw_src=10.1.2.3/255.0.255.0 actions=resubmit(4,)",
	"ip,ct_state=+trk-inv,nw_dst=128.0.0.0/1 actions=resubmit(4,5),resubmit(,6,ct)",
	"ipv6,ipv6_src=2001:db8::/32,ipv6_dst=fe80::1,ipv6_label=0x12345 actions=set_field:2001:db8::2->ipv6_dst,set_field:64->nw_ttl",
	"ipv6,ipv6_src=::1/::ffff,nw_proto=59,nw_ttl=1 actions=set_field:2001::/ffff::->ipv6_src",
	"ipv6,ipv6_label=0x10/0xff actions=drop",
	"icmp,icmp_type=8,icmp_code=0 actions=drop",
	"icmp6,icmp_type=1,icmp_code=3 actions=drop",
	"icmp6,icmp_type=135,icmp_code=0,nd_target=fe80::1,nd_sll=00:00:00:00:00:01 actions=drop",
	"icmp6,icmp_type=136,icmp_code=0,nd_target=fe80::/64,nd_tll=00:00:00:00:00:01,nd_reserved=5,nd_options_type=2 actions=drop",
	"tcp,tp_src=0x1000/0xf000,tp_dst=443 actions=set_field:81->tcp_dst",
	"tcp6,tp_dst=0x50/0xfff0,tcp_flags=+syn-ack actions=drop",
	"tcp,tcp_flags=syn|ack actions=drop",
	"tcp,tcp_flags=0 actions=drop",
	"udp,tp_src=68,tp_dst=67 actions=drop",
	"udp6,tp_src=546,tp_dst=547,ipv6_dst=ff02::1:2 actions=drop",
	"sctp,tp_src=5,tp_dst=6 actions=drop",
	"sctp6,tp_src=5,tp_dst=6 actions=drop",
	"mpls,mpls_label=5,mpls_tc=1,mpls_ttl=3,mpls_bos=1 actions=drop",
	"reg0=0,reg1=1,reg2=2,reg3=3,reg4=4,reg5=5,reg6=6,reg7=7,reg8=8,reg9=9,reg10=10,reg11=11,reg12=12,reg13=13,reg14=14,reg15=0xffffffff actions=drop",
	"reg1=0x0/0x1,reg2=0x100/0xf00,reg3=0x10000/0xffff0000,reg4=0/0xffff actions=drop",
	"metadata=0x1234/0xffff,tun_id=0x5,tun_src=1.2.3.4,tun_dst=1.2.0.0/16 actions=write_metadata:0x5/0xff,goto_table:9",
	"metadata=0,tun_ipv6_src=2001::1,tun_ipv6_dst=2001::/16 actions=write_metadata:0x5",
	"tun_flags=+oam actions=drop",
	"pkt_mark=0x1/0x3,conj_id=7,in_port=LOCAL actions=set_field:0x2->pkt_mark",
	"ct_state=+est+trk,ct_zone=5,ct_mark=0x10/0xf0,ct_label=0x123456789abcdef0123456789/0xffffffffffffffffffffffffffffffff actions=drop",
	"ct_state=new|trk,ct_label=0x10/0xf0 actions=drop",
	"ct_state=-trk,ip actions=ct(table=5,zone=NXM_NX_REG0[0..15])",
	"ct_state=+trk-inv,ip,ct_nw_proto=6,ct_nw_src=10.0.0.1,ct_nw_dst=10.0.0.0/24,ct_tp_src=5,ct_tp_dst=0x10/0xf0 actions=ct_clear,ct(commit,force,zone=65535,exec(set_field:0x1/0x3->ct_mark,set_field:0x5->ct_label,set_field:0x50000/0xf0000->ct_label))",
	"ct_state=+rel+rpl+trk,ipv6,ct_nw_proto=17,ct_ipv6_src=2001::1,ct_ipv6_dst=2001::/64,ct_tp_dst=53 actions=ct(commit,zone=NXM_NX_REG1[16..31])",
	"tcp actions=ct(commit,alg=ftp)",
	"ip actions=ct()",
	"udp actions=ct(commit,zone=1,alg=tftp)",
	"ip actions=move:NXM_NX_REG0[]->NXM_NX_REG1[],move:NXM_NX_REG0[0..15]->NXM_NX_REG1[16..31],move:NXM_OF_IP_SRC[]->NXM_NX_REG2[],move:OXM_OF_METADATA[0]->NXM_NX_REG3[7]",
	"ip actions=ct(commit,zone=3,exec(move:NXM_NX_REG0[]->NXM_NX_CT_MARK[],move:NXM_NX_REG1[]->NXM_NX_CT_LABEL[32..63]))",
	"actions=controller(max_len=128,id=5,userdata=00.01.ff),controller(reason=no_match),controller(userdata=aa,pause),controller(reason=invalid_ttl,max_len=5,id=1,userdata=00,meter_id=7)",
	"ip actions=clone(set_field:5->reg0,ct_clear,output:5),clone(resubmit(,4)),output:7",
	"actions=note:00.11.22.33.44.55.66",
	"actions=meter:1,group:2",
	"actset_output=5 actions=set_field:00:11:22:33:44:55->eth_src,set_field:00:00:00:00:00:01/01:00:00:00:00:01->eth_dst",
	"arp actions=set_field:2->arp_op,set_field:10.0.0.1->arp_spa,set_field:00:11:22:33:44:55->arp_sha",
	"ip actions=set_field:10.0.0.0/255.0.0.0->ip_src,set_field:10->ip_dscp,set_field:1->nw_ecn,set_field:0->metadata,set_field:0x0->reg0",
}

// ofctlParse gives what ovs-ofctl makes of flows: match and actions, as text.
func ofctlParse(t *testing.T, flows []string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "flows")
	if err := os.WriteFile(file, []byte(strings.Join(flows, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ovs-ofctl", "-O", "OpenFlow15", "parse-flows", file)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ovs-ofctl parse-flows: %v: %s", err, stderr.String())
	}
	var lines []string
	for line := range strings.Lines(string(out)) {
		if _, rule, ok := strings.Cut(strings.TrimSpace(line), ": ADD"); ok {
			lines = append(lines, strings.TrimSpace(rule))
		}
	}
	if len(lines) != len(flows) {
		t.Fatalf("%d flows of ovs-ofctl for %d", len(lines), len(flows))
	}
	return lines
}

// ofctlText is a flow as ovs-ofctl parse-flows prints flow mods.
func ofctlText(f Flow) string {
	var parts []string
	if f.Table != 0 {
		parts = append(parts, fmt.Sprintf("table:%d", f.Table))
	}
	rule := f.Match.String()
	if f.Priority != DefaultPriority {
		rule = strings.TrimSuffix(fmt.Sprintf("priority=%d,%s", f.Priority, rule), ",")
	}
	if rule != "" {
		parts = append(parts, rule)
	}
	if f.Cookie != 0 {
		parts = append(parts, fmt.Sprintf("cookie:%#x", f.Cookie))
	}
	return strings.Join(append(parts, "actions="+f.Actions.String()), " ")
}

func TestTextAgreesWithOfctl(t *testing.T) {
	theirs := ofctlParse(t, sampleFlows)
	for i, text := range sampleFlows {
		f, err := ParseFlow(text)
		if err != nil {
			t.Errorf("ParseFlow(%q): %v", text, err)
			continue
		}
		if got := ofctlText(f); got != theirs[i] {
			t.Errorf("%s\nours   %s\ntheirs %s", text, got, theirs[i])
		}
		again, err := ParseFlow(f.String())
		if err != nil || again != f {
			t.Errorf("ParseFlow(%q) = %v, %v", f, again, err)
		}
	}
}

func TestParseFlowRefuses(t *testing.T) {
	for _, tc := range []struct{ flow, want string }{
		{"ip", "missing actions="},
		{"ip,foo=1 actions=drop", `unknown field "foo"`},
		{"iq actions=drop", `unknown keyword "iq"`},
		{"ip actions=outptu:1", "outptu:1: unknown action"},
		{"ip,tp_dst=80 actions=drop", `"tp_dst" needs a protocol`},
		{"tcp,tp_dst=65536 actions=drop", "tcp_dst=65536"},
		{"tcp,tp_dst=http actions=drop", `bad number "http"`},
		{"nw_src=10.0.0.1 actions=drop", "nw_src requires dl_type=0x0800"},
		{"ip,nw_src=10.0.0.1/33 actions=drop", `bad prefix length "33"`},
		{"ip,nw_src=::1 actions=drop", "another address family"},
		{"dl_src=00:11:22:33:44 actions=drop", "bad Ethernet address"},
		{"ct_state=+bad actions=drop", `unknown flag "bad"`},
		{"ct_state=+new-new actions=drop", "given twice"},
		{"nw_frag=maybe,ip actions=drop", `unknown word "maybe"`},
		{"table=256 actions=drop", "table=256"},
		{"priority=65536 actions=drop", "priority=65536"},
		{"priority=1,priority=2 actions=drop", "given twice"},
		{"ip,ip actions=drop", "dl_type is given twice"},
		{"idle_timeout=5 actions=drop", `unknown field "idle_timeout"`},
		{"reg16=1 actions=drop", `unknown field "reg16"`},
		{"reg0=010 actions=drop", "leading zero"},
		{"actions=ct(commit", "missing closing parenthesis"},
		{"actions=ct(comit)", "comit: unknown"},
		{"actions=ct(force)", "force needs commit"},
		{"actions=ct(exec(set_field:1->ct_mark))", "exec needs commit"},
		{"actions=ct(commit,exec(output:1))", "output cannot stand in ct"},
		{"actions=set_field:1->ct_mark", "ct_mark can be written only in ct"},
		{"actions=set_field:1->ct_state", "ct_state cannot be written"},
		{"actions=set_field:5->vlan_vid", "vlan_vid needs 0x1000"},
		{"actions=set_field:0x100000000->reg0", "does not fit"},
		{"actions=load:4->reg0[0..1]", "does not fit"},
		{"actions=load:4->reg0[30..32]", "no such bits"},
		{"actions=move:reg0[0..3]->reg1[0..4]", "4 bits of reg0 do not go into 5"},
		{"actions=conjunction(1,3/2)", "clause 3/2"},
		{"actions=conjunction(1,1/2),output:1", "conjunction stands beside output"},
		{"actions=goto_table:1,output:1", "output follows the last"},
		{"actions=goto_table:1,goto_table:2", "goto_table comes too late or twice"},
		{"actions=drop,output:1", "drop beside other actions"},
		{"actions=output:65280", "no port"},
		{"actions=resubmit(,)", "neither port nor table"},
		{"actions=note:0", "bad bytes"},
		{"actions=push_vlan:0x88a8", "only 0x8100"},
	} {
		f, err := ParseFlow(tc.flow)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("ParseFlow(%q) = %v, %v; want an error with %q", tc.flow, f, err, tc.want)
		}
	}
}

func FuzzParseFlow(f *testing.F) {
	for _, text := range sampleFlows {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		flow, err := ParseFlow(text)
		if err != nil {
			return
		}
		again, err := ParseFlow(flow.String())
		if err != nil || again != flow {
			t.Fatalf("%q: ParseFlow(%q) = %v, %v", text, flow, again, err)
		}
	})
}
