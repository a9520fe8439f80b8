package httpapi

import (
	"net/http"
	"strconv"

	"github.com/ringfence/ringfence/httpapi/change"
	"github.com/ringfence/ringfence/httpapi/effect"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
)

// extras are what an answer says besides the object.
type extras struct {
	Effects     *effect.Effects     `json:"effects,omitempty"`
	DryRun      bool                `json:"dry_run,omitempty"`
	Access      *effect.Access      `json:"access,omitempty"` // of a dry run
	Cuts        *effect.Cuts        `json:"connections_cut,omitempty"`
	Realization *realization.Report `json:"realization,omitempty"`
}

// report answers a change that was made, after waiting for the hosts if that is
// asked for.
func (c *call) report(out change.Outcome) error {
	h := c.res.Header()
	h.Set("SG-Revision", strconv.FormatInt(out.Rev, 10))
	if out.Status != http.StatusNoContent {
		h.Set("ETag", transport.ETag(out.Tag, out.Body))
	}
	if out.Location != "" {
		h.Set("Location", out.Location)
	}
	also := extras{Effects: out.Effects}
	if d, asked := transport.PreferredWait(c.req.Header.Values("Prefer")); asked {
		h.Set("Preference-Applied", "wait")
		var err error
		if also.Realization, err = c.realize(out.Rev, out.Need, d); err != nil {
			return err
		}
		if also.Realization.State != realization.Realized {
			out.Status = http.StatusAccepted
		}
	}
	if out.Status == http.StatusNoContent {
		c.res.WriteHeader(out.Status)
		return nil
	}
	body, err := strictjson.WithMembers(out.Body, also)
	if err != nil {
		return err
	}
	return c.answer(out.Status, body)
}
