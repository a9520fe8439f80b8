package record

import (
	"slices"
	"strings"
	"time"
)

// HostStatus is what a host's controller reports about itself.
type HostStatus struct {
	Host string
	// Applied is the policy revision whose flows are installed, confirmed by
	// the switch, and by which open connections have been judged again.
	Applied int64
	// Mark is the mark of the write that Applied stands for, see Batch: by it a
	// reader knows a revision of another history. "" is not looked at.
	Mark string
	// Latest is the revision at which the NICs are that no sweep of open connections
	// holds up, and LatestMark the mark of its write, if it is later than Applied. Each
	// NIC says at which it is. Like Mark they are kept from versions of the first level.
	Latest     int64
	LatestMark string
	// Doubt says why Applied, of which the host spoke, is not believed and is 0
	// here; "" = it is believed. It is not the host's word, but the reader's.
	Doubt     string
	Flows     int       // flows of ours in the switch
	NICs      []HostNIC // plugged here, sorted by id
	Errors    []string  // what keeps the host from applying more, for people
	Connected bool      // to its switch
	Version   string    // of the controller
	Started   time.Time // of the controller
	Heartbeat time.Time // of this report, by the host's clock

	// Lost are writes that the host saw, of the history that it knows to be lost
	// last, the latest one last: the store was restored from a backup. Readers find
	// out for themselves.
	Lost []Write

	// Begun is how many packets began a connection, by the account whose rule or
	// whose NIC's open egress let them through, since BegunSince by the host's clock;
	// that is zero of a host that does not count. Like Mark they are kept from
	// versions of the first level, which refuse what they do not know.
	Begun      map[string]uint64
	BegunSince time.Time

	// Receipt says how the host knows that packets meet a change, and why so, for
	// people; "" = its switch is not known yet. It is kept as Begun is.
	Receipt string

	// Instance tells machines apart: two that report for one host are two
	// instances, a controller that was started again is the same. "" takes the
	// host's name without asking. Machine is the same for people.
	Instance string
	Machine  string

	// Relay is where the host has its stream, see RelayStanding; "" is nowhere.
	Relay string

	// What follows is not reported: it is what the reading process has seen.

	// Seen is when the report came, by this process's clock; of a report that
	// was there before this process looked it is the zero time.
	Seen time.Time
	// Skew is by how much the host's clock is ahead of this process's, when
	// SkewKnown. It includes the time that the report was under way.
	Skew      time.Duration
	SkewKnown bool
	// Attached says that the relay has the host's stream now.
	Attached bool
}

// Write is a mutation of the policy that somebody saw: its revision, and the mark by
// which it is known from others that have its number in another history.
type Write struct {
	Revision int64  `json:"revision"`
	Mark     string `json:"mark"`
}

// HostNIC is a NIC plugged at a host.
type HostNIC struct {
	ID      string
	OFPort  uint32 // OpenFlow port number
	Ready   bool   // its flows are in
	Error   string // why not, or what is wrong all the same
	Applied int64  // policy revision applied to this NIC: the host's, or a later one
	// LinkLocalDropped is how many packets it sent lately from IPv6 link-local
	// addresses that are not among its addresses.
	LinkLocalDropped uint64
}

type hostRecord struct {
	Header
	Applied   int64           `json:"applied"`
	Mark      string          `json:"mark,omitempty"`
	Flows     int             `json:"flows"`
	NICs      []hostNICRecord `json:"nics,omitempty"`
	Errors    []string        `json:"errors,omitempty"`
	Connected bool            `json:"connected,omitempty"`
	Version   string          `json:"version,omitempty"`
	Started   Stamp           `json:"started,omitempty"`
	Heartbeat Stamp           `json:"heartbeat,omitempty"`
	Lost      []Write         `json:"lost,omitempty"`
	Relay     string          `json:"relay,omitempty"`

	Begun      map[string]uint64 `json:"begun,omitempty"`
	BegunSince Stamp             `json:"begun_since,omitempty"`
	Receipt    string            `json:"receipt,omitempty"`

	// What is further than Applied. Versions that do not know it take all for not
	// further: so no NIC's Applied is either.
	Latest     int64  `json:"latest,omitempty"`
	LatestMark string `json:"latest_mark,omitempty"`
}

type hostNICRecord struct {
	ID      string `json:"id"`
	OFPort  uint32 `json:"ofport,omitempty"`
	Ready   bool   `json:"ready,omitempty"`
	Error   string `json:"error,omitempty"`
	Applied int64  `json:"applied,omitempty"`

	LinkLocalDropped uint64 `json:"link_local_dropped,omitempty"`

	Further int64 `json:"further,omitempty"` // what is applied to it, beyond Applied
}

// HostToRecord makes the value of a report.
func HostToRecord(h HostStatus) hostRecord {
	r := hostRecord{Current, h.Applied, h.Mark, h.Flows, nil, h.Errors, h.Connected, h.Version, StampOf(h.Started), StampOf(h.Heartbeat), h.Lost, h.Relay, nil, 0, "", 0, ""}
	further := h.Mark != "" && h.LatestMark != "" && h.Latest > h.Applied
	if h.Mark != "" || h.Relay != "" { // nor do they know of relays
		r.Begun, r.BegunSince, r.Receipt = h.Begun, StampOf(h.BegunSince), h.Receipt
	}
	if further {
		r.Latest, r.LatestMark = h.Latest, h.LatestMark
	}
	for _, n := range h.NICs {
		nic := hostNICRecord{n.ID, n.OFPort, n.Ready, n.Error, min(n.Applied, h.Applied), n.LinkLocalDropped, 0}
		if further && n.Applied > h.Applied {
			nic.Further = n.Applied
		}
		r.NICs = append(r.NICs, nic)
	}
	return r
}

// DecodeHost is the inverse of HostToRecord, for the host of that name.
func DecodeHost(name string, value []byte) (HostStatus, error) {
	var r hostRecord
	if err := Unmarshal(value, &r); err != nil {
		return HostStatus{}, err
	}
	h := HostStatus{Host: name, Applied: r.Applied, Mark: r.Mark, Flows: r.Flows, Errors: r.Errors, Connected: r.Connected,
		Version: r.Version, Started: r.Started.time(), Heartbeat: r.Heartbeat.time(), Lost: r.Lost, Relay: r.Relay,
		Begun: r.Begun, BegunSince: r.BegunSince.time(), Receipt: r.Receipt}
	if r.Latest > r.Applied {
		h.Latest, h.LatestMark = r.Latest, r.LatestMark
	}
	for _, n := range r.NICs {
		h.NICs = append(h.NICs, HostNIC{n.ID, n.OFPort, n.Ready, n.Error, min(max(n.Applied, n.Further), max(h.Applied, h.Latest)), n.LinkLocalDropped})
	}
	slices.SortFunc(h.NICs, func(a, b HostNIC) int { return strings.Compare(a.ID, b.ID) })
	return h, nil
}
