package record

// RelayStanding is how the hosts stand that have their stream at a relay, by the
// relay's word.
type RelayStanding struct {
	Relay    string
	Revision int64  // of the policy, at which each of its hosts is, but for those behind
	Mark     string // of the write that Revision is
	Behind   map[string]int64
}

type relayRecord struct {
	Header
	Revision int64            `json:"revision"`
	Mark     string           `json:"mark,omitempty"`
	Behind   map[string]int64 `json:"behind,omitempty"`
}

// RelayToRecord makes the value of a standing.
func RelayToRecord(r RelayStanding) relayRecord {
	return relayRecord{Current, r.Revision, r.Mark, r.Behind}
}

// DecodeRelay is the inverse of RelayToRecord, for the relay of that name.
func DecodeRelay(name string, value []byte) (RelayStanding, error) {
	var r relayRecord
	if err := Unmarshal(value, &r); err != nil {
		return RelayStanding{}, err
	}
	return RelayStanding{name, r.Revision, r.Mark, r.Behind}, nil
}
