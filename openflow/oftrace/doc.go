// Package oftrace reads the text of ofproto/trace (ovs-vswitchd(8)) as Open
// vSwitch 2.17 to 3.x print it. It is strict: a line that it does not know is
// kept as it is and flagged, so that nothing the switch says is lost and
// nothing is guessed.
//
//	Flow: tcp,in_port=…                                     pass 1
//
//	bridge("br-int")
//	----------------
//	 0. in_port=…, priority 100, cookie 0x5247…             step
//	    set_field:0x65->reg1                                action
//	    ct(table=20,zone=NXM_NX_REG1[0..15])
//	     -> A clone of the packet is forked to recirculate  note
//
//	Final flow: …
//	Megaflow: …
//	Datapath actions: ct(zone=101),recirc(0x1)
//
//	====
//	recirc(0x1) - resume conntrack with ct_state=new|trk    pass 2
//	====
package oftrace
