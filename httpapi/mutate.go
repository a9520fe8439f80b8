package httpapi

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/ringfence/ringfence/httpapi/change"
	"github.com/ringfence/ringfence/httpapi/effect"
	"github.com/ringfence/ringfence/httpapi/realization"
	"github.com/ringfence/ringfence/httpapi/replay"
	"github.com/ringfence/ringfence/httpapi/strictjson"
	"github.com/ringfence/ringfence/httpapi/transport"
	"github.com/ringfence/ringfence/plan"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

// mutate makes the change that a request asks for and answers.
func (c *call) mutate(m change.Mutation) error {
	dry, err := c.in.Flag("dry_run")
	if err != nil {
		return err
	}
	confirmed, err := c.in.Confirmed()
	if err != nil {
		return err
	}
	req := &plan.Request{
		Now: c.api.now().UTC(), NewID: c.api.newID, Condition: transport.Condition(c.req.Header.Values("If-Match"), c.req.Header.Values("If-None-Match")),
		ConfirmEgressOpen: confirmed, Caller: c.viewer(), CreateAccount: c.who.Platform(), Faults: m.Faults,
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
	var result plan.Result
	rev, err := c.api.store.Update(c.req.Context(), func(s *secgroup.Snapshot) ([]secgroup.Change, error) {
		var err error
		result, err = m.Plan(s, req)
		return result.Changes, err
	}, store.WithNotes(func(before *secgroup.Snapshot, _ []secgroup.Change) ([]store.NoteWrite, error) {
		return c.notes(m, result, before, once)
	}))
	if err != nil && once != nil {
		return c.beaten(once, err)
	}
	if err != nil {
		return err
	}
	out, err := c.look(m, result, rev)
	if err != nil {
		return err
	}
	if once != nil {
		out = once.Answer.Outcome(rev, out.Need)
	}
	return c.report(out)
}

// notes are what is written in the same transaction as a mutation: the entry of
// the audit log, and the answer for whoever asks again with the same key.
func (c *call) notes(m change.Mutation, result plan.Result, before *secgroup.Snapshot, once *replay.Key) ([]store.NoteWrite, error) {
	var notes []store.NoteWrite
	if len(result.Changes) > 0 {
		entry, err := c.auditEntry(before, result)
		if err != nil {
			return nil, err
		}
		notes = append(notes, entry)
	}
	if once != nil {
		after, _ := before.With(replay.ToBeRevision, replay.ToBeWritten(result.Changes))
		out, err := c.render(m, result, replay.ToBeRevision, after)
		if err != nil {
			return nil, err
		}
		answer, err := once.Notes(out)
		if err != nil {
			return nil, err
		}
		notes = append(notes, answer...)
	}
	return notes, nil
}

// look renders the policy as the write left it. Others may have gone on
// writing; the policy at its revision does not show that.
func (c *call) look(m change.Mutation, result plan.Result, rev int64) (out change.Outcome, err error) {
	err = c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
		then, err := c.api.past.At(s, rev, "")
		if err == nil {
			out, err = c.render(m, result, rev, then)
		}
		if errors.Is(err, realization.ErrPast) || errors.Is(err, errNotSeen) {
			// Too much happened since, or the write was made and then lost, as the store was
			// restored from a backup: what was planned is shown.
			then, _ = s.With(rev, result.Changes)
			out, err = c.render(m, result, rev, then)
		}
		if err != nil {
			return err
		}
		if len(result.Changes) == 0 {
			out.Need = c.api.past.Needs(then, c.api.store, result.Effects.Impact, rev)
		}
		return nil
	})
	return out, err
}

// errNotSeen says that an object that was written is not in the policy that is shown.
var errNotSeen = errors.New("the written object is not to be seen")

// render makes the answer to a mutation that came to a result, as a policy shows it.
func (c *call) render(m change.Mutation, result plan.Result, rev int64, s *secgroup.Snapshot) (change.Outcome, error) {
	who := realization.Concern{Policy: s}
	if len(result.Changes) > 0 { // else there is nothing to be concerned about
		who.Impact = result.Effects.Impact
	}
	out := m.Outcome(result)
	out.Rev, out.Need = rev, realization.Need{}
	out.Need.Require(&who, c.api.store, rev)
	out.Effects = effect.Show(result.Effects, &who, out.Need.Hosts(), effect.Visible{Account: c.viewer(), Policies: []*secgroup.Snapshot{s}}, c.api.store, effect.MostNICs)
	if m.Show == nil {
		return out, nil
	}
	shown, tag := m.Show(change.After{Policy: s, Result: result, Places: c.api.store.Places})
	if shown == nil {
		return out, errNotSeen
	}
	body, err := strictjson.Encode(shown)
	out.Body, out.Tag = body, tag
	return out, err
}

// dryRun answers as if the change had been made; with what it would let through
// and what not any more, and how many open connections it would cut.
func (c *call) dryRun(m change.Mutation, req *plan.Request) error {
	var result plan.Result
	var out change.Outcome
	var access *effect.Access
	var ask effect.Whom
	hosts := effect.Asker{Store: c.api.store, Questions: c.api.questions, Keeper: c.api.keeper, Now: c.api.now}
	// with calls f with the policy before and after the change.
	with := func(f func(before, after *secgroup.Snapshot) error) error {
		return c.api.store.Read(c.req.Context(), func(s *secgroup.Snapshot) error {
			var err error
			if result, err = m.Plan(s, req); err != nil {
				return err
			}
			return f(s, cmp.Or(result.After, s))
		})
	}
	err := with(func(before, after *secgroup.Snapshot) error {
		ask = hosts.Whom(c.viewer(), result.Effects.Impact, before, after)
		access = effect.ShowAccess(c.in.Account, before, after, plan.DiffAccess(before, after, result.Changes))
		var err error
		out, err = c.render(m, result, after.Revision(), after)
		return err
	})
	if err != nil {
		return err
	}
	found, cut := hosts.Connections(c.req.Context(), c.in.Account, ask)
	if len(found) > 0 { // the hosts took their time: the policy may be another one
		err := with(func(before, after *secgroup.Snapshot) error {
			cut.Judge(found, before, after)
			return nil
		})
		if err != nil {
			return err
		}
	}
	body, err := strictjson.WithMembers(out.Body, extras{Effects: out.Effects, DryRun: true, Access: access, Cuts: cut})
	if err != nil {
		return err
	}
	return c.answer(http.StatusOK, body)
}
