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
	if kind != inquiry.KindTrace && kind != inquiry.KindProbe {
		return body, nil
	}
	var q struct{ Source, Destination string }
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, fmt.Errorf("question: %w", err)
	}
	known := map[string]inquiry.End{}
	for _, id := range []string{q.Source, q.Destination} {
		if n := s.NIC(id); n != nil {
			known[id] = endOf(s, n)
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

func endOf(s *secgroup.Snapshot, n *secgroup.NIC) inquiry.End {
	at := s.SegmentOf(n)
	return inquiry.End{MAC: n.MAC.String(), Addresses: n.Addresses, Domain: at.Domain, VLAN: at.VLAN, Local: at.Local}
}
