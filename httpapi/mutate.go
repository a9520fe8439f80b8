package httpapi

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// mutation is a request that changes the policy.
type mutation struct {
	// plan makes the plan. It may run several times, on newer snapshots.
	plan func(s plan.Policy, req *plan.Request) (plan.Result, error)
	// show makes the answer's body, an object, of what the plan is about, and
	// its tag. It returns nil if the object is not in the view any more. A
	// mutation without it is a deletion.
	show func(v *plan.View, r plan.Result) (body any, tag string)
	// faults are those of decoding.
	faults secgroup.Faults
	// location is the path of what the plan made, for POST; nil otherwise.
	location func(r plan.Result) string
}

// outcome is a mutation that was made, or as a dry run could have been.
type outcome struct {
	result  plan.Result
	rev     int64
	body    []byte // nil for a deletion
	tag     string
	effects *effectsJSON
	need    need
}

// extras are what an answer says besides the object.
type extras struct {
	Effects     *effectsJSON     `json:"effects,omitempty"`
	DryRun      bool             `json:"dry_run,omitempty"`
	Access      *accessJSON      `json:"access,omitempty"` // of a dry run
	Cuts        *cutJSON         `json:"connections_cut,omitempty"`
	Realization *realizationJSON `json:"realization,omitempty"`
}

// mutate makes the change that a request asks for and answers.
func (c *call) mutate(m mutation) error {
	dry, err := c.flag("dry_run")
	if err != nil {
		return err
	}
	confirmed, err := c.confirmed()
	if err != nil {
		return err
	}
	if c.step != nil { // a step of a transaction, which makes it
		c.planned = &m
		return nil
	}
	req := &plan.Request{
		Now: c.api.now().UTC(), NewID: c.api.newID, Condition: c.condition(),
		ConfirmEgressOpen: confirmed, Caller: c.viewer(), CreateAccount: c.who.Platform(), Faults: m.faults,
	}
	if dry {
		return c.dryRun(m, req)
	}
	once, err := c.idempotency()
	if err != nil {
		return err
	}
	if once != nil {
		if replayed, err := c.replay(once); replayed || err != nil {
			return err
		}
		if err := c.mayKeep(); err != nil {
			return err
		}
	}
	var out outcome
	out.rev, err = c.api.store.Update(c.req.Context(), func(s *secgroup.Snapshot) ([]secgroup.Change, error) {
		var err error
		out.result, err = m.plan(s, req)
		return out.result.Changes, err
	}, store.WithNotes(func(before *secgroup.Snapshot, _ []secgroup.Change) ([]store.NoteWrite, error) {
		return c.notes(m, &out, before, once)
	}))
	if err != nil && once != nil {
		return c.beaten(once, err)
	}
	if err != nil {
		return err
	}
	if err := c.look(m, &out); err != nil {
		return err
	}
	if once != nil {
		return c.report(once.first(out.rev, out.need))
	}
	return c.report(c.written(m, &out))
}

// notes are what is written in the same transaction as a mutation: the entry of
// the audit log, and the answer for whoever asks again with the same key.
func (c *call) notes(m mutation, out *outcome, before *secgroup.Snapshot, once *idempotency) ([]store.NoteWrite, error) {
	var notes []store.NoteWrite
	if len(out.result.Changes) > 0 {
		entry, err := c.auditEntry(before, out.result)
		if err != nil {
			return nil, err
		}
		notes = append(notes, entry)
	}
	if once != nil {
		planned := outcome{result: out.result, rev: toBeRevision}
		if err := c.render(m, &planned, plan.NewView(before, toBeRevision, toBeWritten(out.result.Changes))); err != nil {
			return nil, err
		}
		answer, err := once.notes(c.written(m, &planned))
		if err != nil {
			return nil, err
		}
		notes = append(notes, answer...)
	}
	return notes, nil
}

// look renders the policy as the write left it. Others may have gone on
// writing; the view at its revision does not show that.
func (c *call) look(m mutation, out *outcome) error {
	return c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		planned := plan.NewView(s, out.rev, out.result.Changes)
		v, err := c.api.past.at(s, out.rev, "")
		if err != nil { // too much happened since: show what was planned
			v = planned
		}
		err = c.render(m, out, v)
		if errors.Is(err, errNotSeen) { // the write is made, and was lost since: the store was restored from a backup
			v = planned
			err = c.render(m, out, v)
		}
		if err != nil {
			return err
		}
		if len(out.result.Changes) == 0 {
			out.need = c.api.needs(v, out.result.Effects.Impact, out.rev)
		}
		return nil
	})
}

// errNotSeen says that an object that was written is not in a view.
var errNotSeen = errors.New("the written object is not to be seen")

func (c *call) render(m mutation, out *outcome, v *plan.View) error {
	hosts := c.api.store.Hosts()
	who := concern{v: v}
	if len(out.result.Changes) > 0 { // else there is nothing to be concerned about
		who.Impact = out.result.Effects.Impact
	}
	concerned := who.hosts(hosts)
	out.need = need{}
	out.need.require(concerned, out.rev)
	out.effects = showEffects(out.result.Effects, &who, concerned, visible{c.viewer(), []*plan.View{v}}, hosts)
	if m.show == nil {
		return nil
	}
	shown, tag := m.show(v, out.result)
	if shown == nil {
		return errNotSeen
	}
	body, err := strictjson.Encode(shown)
	out.body, out.tag = body, tag
	return err
}

// written is the answer to a mutation, but for how far the hosts are.
type written struct {
	status   int // 204 has no body
	rev      int64
	location string
	tag      string
	body     []byte
	effects  *effectsJSON
	need     need
}

// written makes the answer of an outcome.
func (c *call) written(m mutation, out *outcome) written {
	w := written{status: http.StatusOK, rev: out.rev, tag: out.tag, body: out.body, effects: out.effects, need: out.need}
	switch {
	case m.show == nil:
		w.status = http.StatusNoContent
	case out.result.Created:
		w.status = http.StatusCreated
	}
	if m.location != nil {
		w.location = m.location(out.result)
	}
	return w
}

// report answers a change that was made, after waiting for the hosts if that is
// asked for.
func (c *call) report(w written) error {
	h := c.res.Header()
	h.Set("SG-Revision", strconv.FormatInt(w.rev, 10))
	if w.status != http.StatusNoContent {
		h.Set("ETag", etag(w.tag, w.body))
	}
	if w.location != "" {
		h.Set("Location", w.location)
	}
	also := extras{Effects: w.effects}
	if d, asked := c.preferredWait(); asked {
		h.Set("Preference-Applied", "wait")
		also.Realization = c.realize(w.rev, w.need, d)
		var err error
		if also.Realization.Lagging, err = c.ownLaggards(also.Realization.Lagging); err != nil {
			return err
		}
		if also.Realization.State != stateRealized {
			w.status = http.StatusAccepted
		}
	}
	if w.status == http.StatusNoContent {
		c.res.WriteHeader(w.status)
		return nil
	}
	body, err := strictjson.WithMembers(w.body, also)
	if err != nil {
		return err
	}
	return c.answer(w.status, body)
}
