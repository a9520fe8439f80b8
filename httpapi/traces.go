package httpapi

import (
	"net/http"
	"time"

	"github.com/ringfence/ringfence/httpapi/alarm"
	"github.com/ringfence/ringfence/httpapi/shape"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/httpapi/tracing"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/inquiry"
)

// traceWait is how long a POST waits for slow hosts before it answers 202.
const traceWait = 2 * time.Second

// postTrace answers 201 when all hosts have answered, or will not; 202 while some
// may still.
func postTrace(c *call) error {
	n, r, err := c.in.ObjectBody()
	if err != nil {
		return err
	}
	spec := shape.ReadTrace(r, n)
	if len(r.Faults) > 0 {
		return r.Faults
	}
	spec.Platform = c.who.Account == tokens.AllAccounts
	if err := c.mayProbe(&spec); err != nil {
		return err
	}
	wait, asked := transport.PreferredWait(c.req.Header.Values("Prefer"))
	if !asked {
		wait = traceWait
	}
	t, err := c.api.traces.Run(c.req.Context(), c.in.Account, &spec, wait)
	if err != nil {
		return err
	}
	status := http.StatusCreated
	if !t.Done {
		status = http.StatusAccepted
	}
	return c.made(status, c.in.Below(t.ID), t)
}

// made answers with something that was made, and where it is. It is not kept for
// an Idempotency-Key: a question changes nothing, and leaves nothing in the store.
func (c *call) made(status int, location string, v any) error {
	body, err := strictjson.Encode(v)
	if err != nil {
		return err
	}
	c.res.Header().Set("Location", location)
	return c.answer(status, body)
}

func getTrace(c *call) error {
	c.res.Header().Set("Cache-Control", "no-store")
	if t := c.api.traces.Kept(c.in.Account, c.in.Param("trace")); t != nil {
		return c.json(t)
	}
	raw, err := c.api.traces.KeptElsewhere(c.req.Context(), c.in.Account, c.in.Param("trace"))
	switch {
	case err != nil:
		return err
	case raw == nil:
		return transport.NotFound()
	}
	return c.answer(http.StatusOK, append(raw, '\n'))
}

// observeTrace counts a trace and raises the alarm where the datapath does not do
// what the policy says.
func (a *API) observeTrace(t *tracing.Trace) {
	a.metrics.traces.WithLabelValues(string(t.Verdict)).Inc()
	if t.Agreement == nil || *t.Agreement {
		return
	}
	a.metrics.disagreements.Inc()
	a.logger.Error("a trace shows that the datapath does not do what the policy says", "event", alarm.Disagreement,
		"trace", t.ID, "account", t.Account, "revision", t.Revision, "legs", t.Differing)
	a.watching.Go(func() {
		if err := a.keeper.Run("alarm", func() error { return a.alarms.Raise(a.ctx, t) }); err != nil && a.ctx.Err() == nil {
			a.logger.Warn("no event made of a disagreement", "trace", t.ID, "error", err)
		}
	})
}

// mayProbe refuses a probe that cannot be, or that the caller may not send.
func (c *call) mayProbe(spec *tracing.Spec) error {
	r := &strictjson.Reader{}
	switch {
	case !spec.Probe:
		return nil
	case c.who.Role == tokens.Viewer:
		return transport.Forbidden("a viewer's token sends nothing")
	case spec.Source.NIC == "":
		r.Invalid("/probe", "a probe is sent by a NIC: name it as the source")
	case spec.State != inquiry.New:
		r.Invalid("/probe", "a probe is the first packet of a connection: its state is new")
	}
	if len(r.Faults) > 0 {
		return r.Faults
	}
	return nil
}
