package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/ringfence/ringfence/client"
)

// waitFor is how long a write that waits for the hosts may be held back.
const waitFor = 3 * time.Second

// Tally counts what became of requests.
type Tally struct {
	Writes  int // acknowledged
	Applied int // of these, with the word that all hosts have applied them
	Failed  int // requests that were not answered, or with a status of 500 and more
}

// writer makes the writes of one round, one after the other.
type writer struct {
	w     *World
	slots []Slot

	tally    Tally
	findings []Finding
}

// write makes all writes of a round, of all writers at once, and returns when
// each is acknowledged.
func (w *World) write(ctx context.Context, slots []Slot, round Round) (Tally, []Finding) {
	var wg sync.WaitGroup
	writers := make([]writer, len(round.Writes))
	for i, writes := range round.Writes {
		writers[i] = writer{w: w, slots: slots}
		wg.Go(func() {
			for _, wr := range writes {
				if sleep(ctx, wr.After) != nil || !writers[i].make(ctx, wr) {
					return
				}
			}
		})
	}
	wg.Wait()
	var tally Tally
	var findings []Finding
	for _, wr := range writers {
		tally.Writes += wr.tally.Writes
		tally.Applied += wr.tally.Applied
		tally.Failed += wr.tally.Failed
		findings = append(findings, wr.findings...)
	}
	return tally, findings
}

// make makes a write, at the other API if one does not answer, until it is
// acknowledged.
func (wr *writer) make(ctx context.Context, write Write) bool {
	slot := &wr.slots[write.Slot]
	doubted, was := false, wr.w.Book.Now(write.Slot)
	var last error
	for try := write.API; ; try++ {
		api := apiNames[try%len(apiNames)]
		var meta client.Meta
		opts := []client.CallOption{client.Into(&meta)}
		if write.Wait {
			opts = append(opts, client.Wait(waitFor))
		}
		wr.w.Book.Sent(write.Slot, write.Value, time.Now())
		err := slot.write(ctx, wr.w.Plane.Clients[api], write.Value, opts...)
		now := time.Now()
		var problem *client.Problem
		switch {
		case err == nil:
			applied := meta.Waited && meta.Status != http.StatusAccepted
			how := fmt.Sprintf("%d is acknowledged by %s, revision %d, status %d, applied %t", write.Value, api, meta.Revision, meta.Status, applied)
			wr.w.Book.Acknowledged(write.Slot, write.Value, applied, doubted, meta.Revision, now, how)
			if write.Value == 0 && was != only(0) {
				wr.w.renewed(slot)
			}
			wr.tally.Writes++
			if applied {
				wr.tally.Applied++
			}
			return true
		case doubted && client.IsNotFound(err): // what one write makes an earlier one may have deleted just now
		case errors.As(err, &problem) && problem.Code == "record-unreadable": // while a fault makes one so
		case errors.As(err, &problem) && problem.Status < 500:
			wr.findings = append(wr.findings, Finding{slot.Name, fmt.Sprintf("value %d was refused by %s: %v", write.Value, api, err), now})
			return true
		}
		doubted = true
		if ctx.Err() == nil {
			last = err
		}
		wr.tally.Failed++
		if sleep(ctx, 50*time.Millisecond) != nil {
			wr.findings = append(wr.findings, Finding{slot.Name, fmt.Sprintf("value %d was not taken: %v", write.Value, last), now})
			return false
		}
	}
}
