// Package ends adds to questions what hosts do not know: a host has the policy of
// its own NICs, and some questions are about a NIC elsewhere, too.
package ends

import (
	"encoding/json"
	"fmt"

	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
)

// Fill returns the body of a question of a kind with the ends filled in that it
// names, as the policy has them. A question that names none is returned as it is;
// fields that this version does not know stay as they are.
func Fill(s *secgroup.Snapshot, kind string, body json.RawMessage) (json.RawMessage, error) {
	return FillFrom(func(id string) (inquiry.End, bool) { return Of(s, id) }, kind, body)
}

// FillFrom is Fill for a policy that is looked into one NIC at a time, by what is Of it.
func FillFrom(of func(nic string) (inquiry.End, bool), kind string, body json.RawMessage) (json.RawMessage, error) {
	if kind != inquiry.KindTrace && kind != inquiry.KindProbe {
		return body, nil
	}
	var q struct{ Source, Destination string }
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, fmt.Errorf("question: %w", err)
	}
	known := map[string]inquiry.End{}
	for _, id := range []string{q.Source, q.Destination} {
		if end, there := of(id); there {
			known[id] = end
		}
	}
	if len(known) == 0 {
		return body, nil
	}
	var all map[string]json.RawMessage
	err := json.Unmarshal(body, &all)
	if err == nil {
		all["ends"], err = json.Marshal(known)
	}
	if err != nil {
		return nil, fmt.Errorf("question: %w", err)
	}
	return json.Marshal(all)
}

// Of returns what a question says of a NIC, false if the policy has none of that id.
func Of(s *secgroup.Snapshot, nic string) (inquiry.End, bool) {
	n := s.NIC(nic)
	if n == nil {
		return inquiry.End{}, false
	}
	at := s.SegmentOf(n)
	return inquiry.End{MAC: n.MAC.String(), Addresses: n.Addresses, Domain: at.Domain, VLAN: at.VLAN, Local: at.Local}, true
}
