package session

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// progress tells whoever watches a terminal that a request takes its time.
type progress struct {
	http.RoundTripper
	w io.Writer
}

// patience is how long nothing is said.
const patience = time.Second

func (p progress) RoundTrip(r *http.Request) (*http.Response, error) {
	stop := p.tell(waitingFor(r), time.Now())
	defer stop()
	return p.RoundTripper.RoundTrip(r)
}

// tell writes a line that counts the seconds, until it is stopped, which wipes it
// away.
func (p progress) tell(what string, begin time.Time) (stop func()) {
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		tick := time.NewTicker(patience)
		defer tick.Stop()
		said := false
		for {
			select {
			case <-done:
				if said {
					fmt.Fprint(p.w, "\r\x1b[K") // back to the line's begin, and wipe it (ECMA-48: EL)
				}
				return
			case <-tick.C:
				said = true
				fmt.Fprintf(p.w, "\r\x1b[K%s, %.0f s …", what, time.Since(begin).Seconds())
			}
		}
	}()
	return func() { close(done); <-gone }
}

// waitingFor says what a request waits for.
func waitingFor(r *http.Request) string {
	if secs, ok := strings.CutPrefix(r.Header.Get("Prefer"), "wait="); ok {
		return "waiting up to " + secs + " s for hosts to apply it"
	}
	if wait := r.URL.Query().Get("wait"); wait != "" {
		return "waiting up to " + wait + " for hosts"
	}
	return "waiting for the API"
}
