package revoke

import (
	"github.com/ringfence/ringfence/controller/megaflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
)

// Job is what the engine brought about.
type Job struct {
	Rev        int64        // whose flows are installed
	Mark       string       // of the write that Rev is
	Update     uint64       // see share.Update.Number
	Conn       *ofconn.Conn // at whose switch
	Incomplete bool         // the switch refused some of them
	Step       uint64       // in which the engine did
	NICs       NICs         // that are plugged
	Vacated    []uint16     // zones that nobody has any more
}

// Work is what there is to do after a job.
type Work struct {
	Lost     Lost
	Changed  bool // flows changed: cached megaflows may drop what the tables let in
	Narrowed bool // flows went or were replaced: cached megaflows may let in what the tables do not
	Moved    bool // not the policy alone has changed, so that Lost does not say all that passes no more
}

func (w *Work) merge(o Work) {
	w.Lost.merge(o.Lost)
	w.Changed = w.Changed || o.Changed
	w.Narrowed = w.Narrowed || o.Narrowed
	w.Moved = w.Moved || o.Moved
}

// change says what a settle is for.
func (w *Work) change() megaflow.Change {
	return megaflow.Change(w.Moved || !w.Lost.empty())
}
