package record

import "maps"

// RelayStanding is how the hosts stand that have their stream at a relay, by the
// relay's word.
type RelayStanding struct {
	Relay    string
	Revision int64  // of the policy, at which each of its hosts is, but for those behind
	Mark     string // of the write that Revision is
	Behind   map[string]int64
	Further  map[string]Further // of hosts behind, whose NICs are not all so; nobody changes it
}

// Further says how far the NICs of a host are that is behind as a whole, where a sweep
// of open connections holds up some of them.
type Further struct {
	Latest int64            // at which its NICs are
	Behind map[string]int64 // but for these
}

// Same tells whether two say the same.
func (f Further) Same(o Further) bool { return f.Latest == o.Latest && maps.Equal(f.Behind, o.Behind) }

type relayRecord struct {
	Header
	Revision int64            `json:"revision"`
	Mark     string           `json:"mark,omitempty"`
	Behind   map[string]int64 `json:"behind,omitempty"`

	// Versions that do not know it take all NICs of a host for as far as the host is.
	Further map[string]furtherRecord `json:"further,omitempty"`
}

type furtherRecord struct {
	Latest int64            `json:"latest"`
	Behind map[string]int64 `json:"behind,omitempty"`
}

// RelayToRecord makes the value of a standing.
func RelayToRecord(r RelayStanding) relayRecord {
	out := relayRecord{Current, r.Revision, r.Mark, r.Behind, nil}
	for host, f := range r.Further {
		if out.Further == nil {
			out.Further = map[string]furtherRecord{}
		}
		out.Further[host] = furtherRecord(f)
	}
	return out
}

// DecodeRelay is the inverse of RelayToRecord, for the relay of that name.
func DecodeRelay(name string, value []byte) (RelayStanding, error) {
	var r relayRecord
	if err := Unmarshal(value, &r); err != nil {
		return RelayStanding{}, err
	}
	out := RelayStanding{Relay: name, Revision: r.Revision, Mark: r.Mark, Behind: r.Behind}
	for host, f := range r.Further {
		if out.Further == nil {
			out.Further = map[string]Further{}
		}
		out.Further[host] = Further(f)
	}
	return out, nil
}
