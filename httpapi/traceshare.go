package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ringfence/ringfence/store"
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

// traceShare lets other processes read the traces of this one.
type traceShare struct {
	name  string // of this process: no other has it
	begin sync.Once
}

// newTraceID is an id that tells where the trace is.
func (a *API) newTraceID() string {
	// Nobody asks before there is a trace.
	a.share.begin.Do(func() { a.traces.wg.Go(a.serveTraces) })
	return a.newID() + "." + a.share.name
}

// processName is a name that no other process has: the random part of a UUID.
func processName() string {
	id := newUUID()
	return id[len(id)-12:]
}

// serveTraces answers other processes until the API is closed.
func (a *API) serveTraces() {
	err := a.store.ServeAsks(a.traces.ctx, processPrefix+a.share.name, func(_ context.Context, kind string, body json.RawMessage) (answer json.RawMessage, err error) {
		err = a.keeper.Run("question of another API", func() error {
			var ref traceRef
			if err := json.Unmarshal(body, &ref); err != nil || kind != kindKeptTrace {
				return fmt.Errorf("no question for an API: %s", kind)
			}
			answer, err = json.Marshal(a.traces.get(ref.Account, ref.ID))
			return err
		})
		return answer, err
	})
	if err != nil && a.traces.ctx.Err() == nil {
		a.logger.Warn("traces of this process are not read by others", "error", err)
	}
}

// keptElsewhere returns a trace that another process has, as it shows it; nil if
// none has, or it is gone with its traces.
func (a *API) keptElsewhere(ctx context.Context, account, id string) (json.RawMessage, error) {
	_, process, ok := strings.Cut(id, ".")
	if !ok || process == a.share.name || len(process) != len(a.share.name) || strings.Contains(process, "/") {
		return nil, nil
	}
	body, err := json.Marshal(traceRef{account, id})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, keptWait)
	defer cancel()
	raw, err := a.store.Ask(ctx, processPrefix+process, kindKeptTrace, body)
	switch refused := (&store.AnswerError{}); {
	case errors.Is(err, store.ErrNoAnswer), errors.As(err, &refused), string(raw) == "null":
		return nil, nil
	}
	return raw, err
}
