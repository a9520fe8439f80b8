package ofrules

// Every priority of the pipeline, table by table, from the highest downwards.
// Only here is a number written: what stands above what is read off this list.
// Watches and probes stand above the flow whose packets they report, by
// watchAbove and probeAbove: there is room above whatever drops.

// Priorities of every table.
const (
	prioNothing = 0 // what matches nothing else
	watchAbove  = 1
	probeAbove  = 2
)

// entry.
const (
	prioEntryTagged = 120 // what a VM tags is dropped
	prioEntryNoSYN  = 120 // of an unfiltered NIC: TCP that goes on
	prioEntryPart   = 110 // fragments are marked
	prioEntryIP     = 110 // of an unfiltered NIC: tracked
	prioEntry       = 100
)

// egress-mac, egress-arp, egress-nd.
const (
	prioOwnMAC = 100
	prioOwnARP = 100

	prioNDUnreadable = 120 // a target that is none, so far
	prioNDReadable   = 110
	prioNDTarget     = 110
	prioNDOthers     = 105 // another's target
	prioNDSource     = 100 // prioLinkLocal besides
)

// egress-guard.
const (
	prioServesDHCP   = 310 // a DHCP server's answers
	prioToDHCPClient = 305 // what else it sends there is judged
	prioForbidden    = 300 // what no VM may be
	prioUnconfigured = 210 // of an end that has no address yet
	prioDiscovery    = 200 // ARP, Neighbor Discovery and DHCP of its own
	prioNDSpoofed    = 190 // Neighbor Discovery that nothing above lets through
	prioOwnAddress   = 100
	prioLinkLocal    = 10 // from a link-local address that is not the NIC's; in egress-nd, too
	prioSpoofed      = 2  // whatever is left of IP and ARP, to those who watch it
)

// The state tables of both directions: what a packet is to connection tracking.
const (
	prioFragmentOfOthers  = 430 // released into this pass, see fragment.go
	prioServerFragment    = 425 // of a DHCP server's answer
	prioNoServerFragment  = 420 // of another's
	prioCutFragment       = 417
	prioOwnFragment       = 415 // flooded back to who sent it
	prioCutFragmentAnew   = 412 // of what was cut: judged as if it began now
	prioBothFragment      = 411 // of what both ends began
	prioFragment          = 410
	prioFragmentLost      = 400 // of another zone, or of no state that passes
	prioOldTuple          = 320 // a SYN on the tuple of a connection, see syn.go
	prioInvalidICMP       = prioInvalid + 10
	prioInvalid           = 300 // what connection tracking makes no sense of
	prioCut               = 210
	prioReplyJudgedWithin = 209 // not a Compiler's, see PickUp
	prioReplyJudged       = 208 // nor this
	prioBothSYN           = 207
	prioBothTCP           = 206
	prioBothSend          = 205
	prioKnownTCP          = 201 // established, see knownPipeline
	prioKnown             = 200 // established or related
	prioPickUpNothing     = 140 // not a Compiler's, see PickUpNothing
	prioNoAnswer          = 138 // nor this, see answers
	prioAnswer            = 136 // nor this
	prioAsk               = 134 // nor this
	prioPickUp            = 130 // not a Compiler's, see PickUp
	prioNoSYN             = 110
	prioRequest           = 108 // ICMP that begins something
	prioWithCode          = 105 // the same with a code; watches and probes stand above it
	prioNew               = 100
)

// The invalid tables.
const (
	prioInvalidNone   = 100 // TCP that belongs to no connection
	prioInvalidSYN    = 50  // a SYN on the tuple of one
	prioICMPTracked   = 100 // invalid although it is tracked
	prioICMPStateless = 50
)

// The nic tables.
const (
	prioNICLater = 200 // a later fragment is judged by its first
	prioNIC      = 100
)

// The any tables. Rules with remote = everything stand at prioClause.
const (
	prioBaseline = 2000
	prioService  = 100 // what some other rule of the profile is about
	prioApart    = 10  // the rest, if its address is looked up apart from its port: above watches, which have no packets there
	prioProfile  = 1   // the rest; in address, too
)

// The address tables.
const (
	prioNoLabels = 150 // of a profile whose rules name no group
	prioAddress  = 100
)

// The rules tables, and any. All clauses of a conjunction stand at one priority;
// its conj_id flow stands above any flow that could hide it.
const (
	prioConjID = 1100
	prioDirect = 1010 // one remote, every protocol: no conjunction needed
	prioClause = 1000 // minus the profile's chunk, see ruleFlows
)

// The accept tables.
const (
	prioTCPInParts         = 210 // a handshake in fragments
	prioAcceptFragment     = 200
	prioAsked              = 178 // not a Compiler's, see answers
	prioReplyAllowed       = 175 // nor this, see PickUp
	prioReplyAllowedWithin = 172 // nor this
	prioReplaceEntry       = 170 // an entry that is the wrong way round, see bothsend.go
	prioAcceptRequest      = 160 // ICMP that is tracked
	prioPickedUp           = 150
	prioAcceptStateless    = 150 // ICMP that is not
	prioAccept             = 100
)

// The fragment tables: prioFragment, and above it
const prioUncommitted = 420 // what accept did not commit, and what is cut

// deliver, local and flood.
const (
	prioProbe           = 5000 // not a Compiler's; in output, too
	prioDeliverNoSYN    = 120  // to an unfiltered NIC, as in entry
	prioDeliverIP       = 110
	prioDeliver         = 100
	prioFloodFromUplink = 60
	prioFlood           = 50
	prioUnknownUplink   = 20 // an unknown MAC from the uplink
	prioUnknown         = 10 // an unknown MAC: by the uplink
	prioFloodChunk      = 100
)

// ingress-guard.
const (
	prioFloodedBack   = 400 // a flooded frame does not come back to its sender
	prioGateway       = 310 // a gateway's advertisements; DHCP for a NIC that serves it
	prioAnswers       = 300 // ARP, Neighbor Discovery, DHCP's answers
	prioNotForHosts   = 200 // other Neighbor Discovery, advertisements of routers
	prioIngressPart   = 110
	prioIngressJudged = 100
)

// output.
const (
	prioOutput = 100
	prioNudge  = 1 // that of a flow that never is
)
