package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/ringfence/ringfence/inquiry"
)

// A trace that shows a disagreement is an event of its account, in streams and
// polls, and nobody else's; one for a fault, not one for each look at it.
func TestDisagreementsAreEvents(t *testing.T) {
	s, h := tracedServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	streams := map[string]<-chan message{}
	for _, account := range []string{"acme", "bolt"} {
		streams[account] = s.listen(ctx, "/v1/accounts/"+account+"/events")
	}
	begin := next(t, streams["acme"])
	next(t, streams["bolt"])
	h.set(s.says(inquiry.Deny, same))
	trace := s.trace(http.StatusCreated, `{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":443}`)
	m := next(t, streams["acme"])
	var e eventJSON
	if err := json.Unmarshal([]byte(m.data), &e); err != nil {
		t.Fatal(err)
	}
	if m.kind != "alarm" || len(e.Changes) != 0 || len(e.Alarms) != 1 {
		t.Fatalf("%+v", m)
	}
	a := e.Alarms[0]
	if a.Kind != "trace-disagreement" || a.Trace != trace.text("id") || a.Packet.DestinationPort != 443 || len(a.Legs) != 1 ||
		*a.Legs[0].NIC != "n1" || *a.Legs[0].Host != "h1" || a.Legs[0].Policy != inquiry.Allow || a.Legs[0].Datapath != inquiry.Deny {
		t.Errorf("%s", m.data)
	}
	if err := describe(t).check(map[string]any{"$ref": "#/components/schemas/Event"}, []byte(m.data)); err != nil {
		t.Error(err)
	}
	poll := s.do("GET", "/v1/accounts/acme/events?wait=60s&since="+begin.id, "")
	poll.want(t, map[string]string{"items.0.alarms.0.trace": trace.text("id"), "items.0.revision": m.id})

	// The same fault again, and then a change: nothing comes between.
	h.set(s.says(inquiry.Deny, same))
	s.trace(http.StatusCreated, `{"source":{"address":"8.8.8.8"},"destination":{"nic":"n1"},"protocol":"tcp","port":443}`)
	for _, account := range []string{"acme", "bolt"} {
		s.must("PUT", "/v1/accounts/"+account+"/security-groups/more", `{"name":"more"}`)
		if m := next(t, streams[account]); m.kind != "change" {
			t.Errorf("%s is told %+v", account, m)
		}
	}
}
