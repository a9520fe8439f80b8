package kept

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/ringfence/ringfence/span"
)

// markAhead notes that the file will lack something of what is enforced. If that cannot
// be noted beside the file there is to be no file.
func (k *Keeper) markAhead() {
	if !k.unsaved {
		k.unsaved = true
		if err := os.WriteFile(aheadOf(k.cfg.File), []byte(bootID()), 0o600); err != nil {
			if gone := os.Remove(k.cfg.File); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
				err = errors.Join(err, gone)
			}
			k.log.Error("the host's share of the policy is not kept", "error", err)
		}
	}
	select {
	case k.dirty <- struct{}{}:
	default:
	}
}

// save writes the file a while after it has come to lack something, until ctx ends, and
// once more then. It is a while, as writing takes more of a processor than most changes
// do, and would hold the one up that it follows.
func (k *Keeper) save(ctx context.Context) error {
	wait := saveEvery
	for {
		select {
		case <-ctx.Done():
			k.saveOnce()
			return nil
		case <-k.dirty:
		}
		select {
		case <-ctx.Done():
			continue
		case <-time.After(wait):
		}
		began := time.Now()
		if !k.saveOnce() {
			select { // again
			case k.dirty <- struct{}{}:
			default:
			}
		}
		wait = max(saveEvery, saveShare*time.Since(began))
	}
}

// saveOnce writes the file if it lacks something, and tells whether it has all.
func (k *Keeper) saveOnce() bool {
	k.turn.Lock()
	if !k.unsaved {
		k.turn.Unlock()
		return true
	}
	// A change that comes while this is written finds the mark, and has it stay.
	h := header{
		Host: k.cfg.Host, From: k.cfg.From, Revision: k.at.Revision, Mark: k.at.Mark, Epoch: k.at.Epoch, Saved: time.Now().UTC(),
		Newer: k.served.Newer, Elsewhere: k.served.Elsewhere,
	}
	d := whole(k.share)
	k.unsaved = false
	k.turn.Unlock()
	content, err := encode(h, d)
	if err == nil {
		err = write(k.cfg.File, content)
	}
	k.turn.Lock()
	defer k.turn.Unlock()
	if err == nil && !k.unsaved {
		err = os.Remove(aheadOf(k.cfg.File))
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err != nil {
		k.unsaved = true
		err = fmt.Errorf("the share is not kept: %w", err)
		if !k.failing {
			k.log.Error("the host's share of the policy is not kept; trying again", "file", k.cfg.File, "error", err)
		}
	}
	k.failing = err != nil
	k.cfg.Problem(err)
	return err == nil
}

// whole is a share as a delta that leads there, and stays so when the share changes.
func whole(s *span.Share) span.Delta {
	d := span.Delta{
		Full: true, NICs: make(map[string]*span.NIC, len(s.NICs)), Networks: maps.Clone(s.Networks), Groups: maps.Clone(s.Groups),
		Members: map[span.Label]span.Change{}, Baseline: s.Baseline,
	}
	for id, n := range s.NICs {
		d.NICs[id] = &n
	}
	for ref, domains := range s.Members {
		for domain, members := range domains {
			d.Members[span.Label{Group: ref, Domain: domain}] = span.Change{Reset: true, Add: slices.Clone(members)}
		}
	}
	return d
}
