package tracing

import (
	"fmt"
	"time"

	"github.com/ringfence/ringfence/httpapi/asking"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/inquiry"
	"github.com/ringfence/ringfence/secgroup"
)

// Trace is a trace as it is answered.
type Trace struct {
	ID        string          `json:"id"`
	Account   string          `json:"account"`
	Verdict   inquiry.Verdict `json:"verdict"`
	Summary   string          `json:"summary"`
	Agreement *bool           `json:"agreement"` // null: nothing could be compared
	State     inquiry.State   `json:"state"`
	Packet    asking.Packet   `json:"packet"`
	Revision  int64           `json:"revision"` // of the policy
	Done      bool            `json:"done"`     // false: a host has still to answer
	CreatedAt time.Time       `json:"created_at"`
	Legs      []Leg           `json:"legs"`
	// Probe is what became of the packet that was sent; null: none was.
	Probe *inquiry.Verdict `json:"probe_verdict"`

	Differing []string `json:"-"` // legs on which policy and datapath differ, for the log
}

// Leg is what one end does with the packet.
type Leg struct {
	Direction secgroup.Direction `json:"direction"`
	NIC       *string            `json:"nic"`
	Host      *string            `json:"host"`
	Hidden    bool               `json:"hidden"` // another account's NIC
	Policy    Policy             `json:"policy"`
	Datapath  Datapath           `json:"datapath"`
	Probe     *Probe             `json:"probe"` // null: it was not sent, or did not get here
}

// Datapath is what the switch of the NIC's host does.
type Datapath struct {
	Verdict  inquiry.Verdict `json:"verdict"`
	Reason   string          `json:"reason"`
	Detail   string          `json:"detail"`
	Group    *string         `json:"group"`
	Rule     *string         `json:"rule"`
	Output   *string         `json:"output"`
	Applied  *int64          `json:"applied_revision"`
	Steps    []stepJSON      `json:"steps"`
	Unparsed []string        `json:"unparsed"` // lines of the trace that were not understood
}

type stepJSON struct {
	Table     uint8    `json:"table"`
	TableName string   `json:"table_name"`
	Priority  int      `json:"priority"`
	Match     string   `json:"match"`
	Cookie    string   `json:"cookie"`
	Kind      string   `json:"kind"`
	Group     *string  `json:"group"`
	Rule      *string  `json:"rule"`
	Actions   string   `json:"actions"`
	Notes     []string `json:"notes"`
	Recirc    *string  `json:"recirculation"`
	CTState   *string  `json:"ct_state"`
}

// finish shows a trace to an account. Of a NIC of another account it tells no
// more than that account's answer.
func (t *draft) finish(account string) *Trace {
	out := &Trace{
		Account: account, Verdict: t.verdict(), Probe: t.probeVerdict(), Agreement: t.agreement, State: t.path.state, Revision: t.path.revision, Done: true,
		Packet: asking.ShowPacket(t.path.question().Packet), Legs: []Leg{},
	}
	for _, l := range t.legs {
		leg := l.show(account)
		leg.Probe = l.showProbe(account)
		if l.asked && l.datapath.Verdict != l.policy.Verdict {
			out.Differing = append(out.Differing, fmt.Sprintf("%s of %s: policy %s (%s), datapath %s (%s)",
				l.direction, l.nic.ID, l.policy.Verdict, l.policy.Reason, l.datapath.Verdict, l.datapath.Reason))
		}
		if p := l.probe; p != nil && p.Verdict != inquiry.Unknown && p.Verdict != l.policy.Verdict {
			out.Differing = append(out.Differing, fmt.Sprintf("%s of %s: policy %s (%s), probe %s (%s)",
				l.direction, l.nic.ID, l.policy.Verdict, l.policy.Reason, p.Verdict, p.Reason))
		}
		out.Legs = append(out.Legs, leg)
		if out.Summary == "" && leg.Datapath.Verdict == out.Verdict && out.Verdict != inquiry.Allow {
			out.Summary = fmt.Sprintf("%s: %s", leg.Direction, leg.why())
		}
	}
	if out.Summary == "" {
		out.Summary = "every end lets it through"
	}
	if t.path.absent != "" {
		out.Summary += "; " + t.path.absent
	}
	return out
}

// Differs tells whether the policy is not what was done.
func (l *Leg) Differs() bool {
	known := func(v inquiry.Verdict) bool { return v != inquiry.Unknown && v != l.Policy.Verdict }
	return known(l.Datapath.Verdict) || l.Probe != nil && known(l.Probe.Verdict)
}

// why is a leg's reason in words.
func (l *Leg) why() string {
	switch {
	case l.Policy.Verdict == l.Datapath.Verdict && l.Policy.Detail != "":
		return l.Policy.Reason + ": " + l.Policy.Detail
	case l.Datapath.Detail != "":
		return l.Datapath.Reason + ": " + l.Datapath.Detail
	}
	return l.Datapath.Reason
}

func (l *draftLeg) show(account string) Leg {
	if l.nic.Account != account {
		return hiddenLeg(l.direction, l.policy.Verdict, l.datapath.Verdict)
	}
	out := Leg{Direction: l.direction, NIC: &l.nic.ID, Policy: l.policy, Datapath: Datapath{
		Verdict: l.datapath.Verdict, Reason: l.datapath.Reason, Detail: l.datapath.Detail, Output: strictjson.TextOrNull(l.datapath.Output),
		Steps: []stepJSON{}, Unparsed: strictjson.Array(l.datapath.Unparsed),
	}}
	if l.place != nil {
		out.Host = &l.place.Host
	}
	if l.asked {
		out.Datapath.Applied = &l.applied
	}
	out.Datapath.Group, out.Datapath.Rule = l.known.Rule(l.datapath.Rule, account)
	for _, s := range l.datapath.Steps {
		step := stepJSON{
			Table: s.Table, TableName: s.TableName, Priority: s.Priority, Match: s.Match, Cookie: s.Cookie, Kind: s.Kind,
			Actions: s.Actions, Notes: strictjson.Array(s.Notes), Recirc: strictjson.TextOrNull(s.Recirc), CTState: strictjson.TextOrNull(s.CTState),
		}
		step.Group, step.Rule = l.known.Rule(s.Rule, account)
		out.Datapath.Steps = append(out.Datapath.Steps, step)
	}
	return out
}

// hiddenLeg is all that an account learns of another's NIC: whether it lets the
// packet through, which a packet would tell too.
func hiddenLeg(d secgroup.Direction, policy, datapath inquiry.Verdict) Leg {
	return Leg{
		Direction: d, Hidden: true,
		Policy:   Policy{Verdict: policy, Reason: hiddenReason(policy), Because: []Because{}},
		Datapath: Datapath{Verdict: datapath, Reason: hiddenReason(datapath), Steps: []stepJSON{}, Unparsed: []string{}},
	}
}

// verdict is what becomes of the packet: nothing is guessed.
func (t *draft) verdict() inquiry.Verdict {
	out := inquiry.Allow
	for _, l := range t.legs {
		switch l.datapath.Verdict {
		case inquiry.Deny:
			return inquiry.Deny
		case inquiry.Unknown:
			out = inquiry.Unknown
		case inquiry.Allow:
		}
	}
	return out
}
