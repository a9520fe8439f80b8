package tracing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ringfence/ringfence/inquiry"
)

// A trace is kept by the process that made it, whose name ends the trace's id;
// the others ask that process for it, as hosts are asked.

const (
	// processPrefix is what the name of an API process begins with, among hosts.
	processPrefix = "api:"
	// kindKeptTrace asks for a traceRef, and is answered with the trace or null.
	kindKeptTrace = "kept-trace"
	// keptWait bounds how long another process is waited for.
	keptWait = 2 * time.Second
)

type traceRef struct {
	Account string `json:"account"`
	ID      string `json:"id"`
}

// serveTraces answers other processes until the API is closed.
func (r *Tracer) serveTraces() {
	err := r.Config.Store.ServeAsks(r.ctx, processPrefix+r.Config.Process, func(_ context.Context, kind string, body json.RawMessage) (answer json.RawMessage, err error) {
		err = r.Config.Keeper.Run("question of another API", func() error {
			var ref traceRef
			if err := json.Unmarshal(body, &ref); err != nil || kind != kindKeptTrace {
				return fmt.Errorf("no question for an API: %s", kind)
			}
			answer, err = json.Marshal(r.book.get(ref.Account, ref.ID))
			return err
		})
		return answer, err
	})
	if err != nil && r.ctx.Err() == nil {
		r.Config.Logger.Warn("traces of this process are not read by others", "error", err)
	}
}

// KeptElsewhere returns a trace that another process has, as it shows it; nil if
// none has, or it is gone with its traces.
func (r *Tracer) KeptElsewhere(ctx context.Context, account, id string) (json.RawMessage, error) {
	_, process, ok := strings.Cut(id, ".")
	if !ok || process == r.Config.Process || len(process) != len(r.Config.Process) || strings.Contains(process, "/") {
		return nil, nil
	}
	body, err := json.Marshal(traceRef{account, id})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, keptWait)
	defer cancel()
	raw, err := r.Config.Store.Ask(ctx, processPrefix+process, kindKeptTrace, body)
	switch refused := (&inquiry.AnswerError{}); {
	case errors.Is(err, inquiry.ErrNoAnswer), errors.As(err, &refused), string(raw) == "null":
		return nil, nil
	}
	return raw, err
}
