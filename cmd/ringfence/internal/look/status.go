package look

import (
	"errors"
	"fmt"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/failure"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/output"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
)

// Status is "ringfence status": the API, the hosts and what lags, at a glance.
type Status struct{}

func (Status) Help() string {
	return `What is behind, why, and what to do about it. Hosts and lag are shown to the admin.

Exit status: 0 all is well; 1 the API is not ready, or refuses; 3 it is, and something needs somebody: a host is behind, away,
without its switch or has errors, a network has warnings, or a record cannot be read. With --wait 10s hosts have that long to come up.

Examples:
  ringfence status
  ringfence status --wait 10s || page-somebody`
}

// status is what -o json prints: the API has no such document of its own.
type status struct {
	Server   string        `json:"server"`
	Ready    bool          `json:"ready"`
	NotReady string        `json:"not_ready,omitempty"`
	Hosts    []client.Host `json:"hosts,omitempty"`
	// StaleSeconds is how old the hosts are, if the store is lost.
	StaleSeconds float64             `json:"stale_seconds,omitempty"`
	Networks     []client.Network    `json:"networks_with_warnings,omitempty"`
	Realization  *client.Realization `json:"realization,omitempty"`
	Cluster      *client.Cluster     `json:"cluster,omitempty"`
	Needs        []need              `json:"needs"` // what somebody should see to
}

func (Status) Run(s *session.Session, g *session.Flags) error {
	st := status{Server: g.Server}
	readiness := s.API.Ready(s.Ctx)
	var problem *client.Problem
	if readiness != nil && !errors.As(readiness, &problem) {
		return readiness // nobody is there
	}
	if st.Ready = readiness == nil; !st.Ready {
		st.NotReady = problem.Error()
	}
	lookErr := look(s, &st)
	if !st.Ready && client.HasCode(lookErr, problem.Code) {
		lookErr = nil // said already
	}
	st.Needs = needs(st)
	if s.Out.Documents {
		if err := s.Out.Value(st); err != nil {
			return err
		}
	} else {
		printStatus(s, st)
	}
	switch {
	case lookErr != nil:
		return lookErr
	case !st.Ready:
		return fmt.Errorf("the API is not ready: %s", st.NotReady)
	case len(st.Needs) > 0:
		return failure.ErrNeeds
	}
	return nil
}

// look reads what the admin may see; others see less, and that is no error.
func look(s *session.Session, st *status) error {
	var seen client.Meta
	hosts, err := client.Collect(s.API.Hosts(s.Ctx, client.AllowStale(), client.Into(&seen)))
	if err == nil {
		st.Hosts = hosts
		if seen.Stale {
			st.StaleSeconds = seen.Age.Seconds()
		}
		var r client.Realization
		if r, err = s.API.Realization(s.Ctx, 0, s.Wait); err == nil {
			st.Realization = &r
			st.Networks, err = client.Collect(s.API.Networks(s.Ctx, client.Query("warnings", "true")))
		}
	}
	if err == nil {
		var c client.Cluster
		if c, err = s.API.Cluster(s.Ctx); err == nil {
			st.Cluster = &c
		}
		if client.HasCode(err, "not-found") { // an older API
			err = nil
		}
	}
	if client.HasCode(err, "forbidden") {
		return nil
	}
	return err
}

func printStatus(s *session.Session, st status) {
	ready := s.Out.Paint(output.Green, "ready")
	if !st.Ready {
		ready = s.Out.Paint(output.Red, "not ready: "+st.NotReady)
	}
	s.Out.Line("API %s: %s", st.Server, ready)
	if r := st.Realization; r != nil {
		style := output.Green
		if len(r.Lagging) > 0 {
			style = output.Yellow
		}
		s.Out.Line("%s", s.Out.Paint(style, fmt.Sprintf("revision %d: %s", r.Revision, r.State)))
	}
	if st.Cluster != nil {
		if note := levelNote(*st.Cluster); note != "" {
			s.Out.Line("%s", s.Out.Paint(output.Dim, note))
		}
	}
	for _, n := range st.Needs {
		s.Out.Line("%s %s", s.Out.Paint(output.Yellow, n.What+":"), n.Why)
		s.Out.Line("  %s", n.Do)
	}
	if len(st.Hosts) > 0 {
		s.Out.Line("")
		s.Out.Outdated(st.StaleSeconds > 0, time.Duration(st.StaleSeconds*float64(time.Second)))
		s.Out.Table(hostHeader, hostRows(st.Hosts))
	} else if st.Realization != nil {
		s.Out.Line("no host has reported yet")
	}
}
