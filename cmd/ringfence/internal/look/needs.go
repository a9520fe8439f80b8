package look

import (
	"fmt"
	"strings"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/platform"
)

// need is something that somebody should see to: what of it, why, and what to do.
type need struct {
	What string `json:"what"`
	Why  string `json:"why"`
	Do   string `json:"do"`
}

// needs are those of a status. Of a host the worst is told: who is away is behind,
// too.
func needs(st status) []need {
	out := []need{}
	lagging := map[string]client.LaggingHost{}
	if st.Realization != nil {
		for _, l := range st.Realization.Lagging {
			lagging[l.Host] = l
		}
	}
	for _, h := range st.Hosts {
		l, behind := lagging[h.ID]
		delete(lagging, h.ID)
		if n := hostNeed(h, l, behind); n != nil {
			out = append(out, *n)
		}
	}
	if st.Realization != nil {
		for _, l := range st.Realization.Lagging { // those that the list of hosts does not have
			if _, left := lagging[l.Host]; left {
				out = append(out, need{"host " + l.Host, "has not applied the revision: " + l.Reason, "runbook: \"A host is behind\""})
			}
		}
	}
	for _, n := range st.Networks {
		out = append(out, need{"network " + n.ID, strings.Join(platform.NetworkWarnings(n), "; "), "runbook: \"Networks mix on a VLAN\""})
	}
	if st.Cluster != nil && len(st.Cluster.Unreadable) > 0 {
		out = append(out, need{
			"cluster", fmt.Sprintf("%d records cannot be read by this API", len(st.Cluster.Unreadable)), "ringfence cluster; runbook: \"A record cannot be read\"",
		})
	}
	return out
}

// hostNeed is what is wrong with a host, nil if nothing is.
func hostNeed(h client.Host, l client.LaggingHost, behind bool) *need {
	n := need{What: "host " + h.ID}
	far := ""
	if behind {
		far = fmt.Sprintf("; it has applied revision %d, so what was revoked since may still pass there", h.AppliedRevision)
	}
	switch {
	case !h.Alive:
		n.Why = "its controller does not report, last " + output.Ago(h.LastSeen) + far
		n.Do = "on the host: systemctl status ringfence-controller. If the machine is off for good: ringfence host delete " + h.ID
	case !h.Connected:
		n.Why = "its controller has no connection to its switch" + far
		n.Do = "on the host: systemctl status openvswitch-switch; ovs-vsctl show"
	case len(h.Errors) > 0 || len(skewed(h)) > 0:
		n.Why = strings.Join(append(h.Errors[:len(h.Errors):len(h.Errors)], skewed(h)...), "; ") + far
		n.Do = "ringfence host show " + h.ID + "; runbook: \"A host reports errors\""
	case behind:
		n.Why = l.Reason + far
		n.Do = "ringfence host show " + h.ID + "; ask again in some seconds, or with --wait 10s; if it stays: runbook, \"A host is behind\""
	default:
		return nil
	}
	return &n
}
