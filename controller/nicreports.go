package controller

import (
	"maps"

	"github.com/ringfence/ringfence/ovsdb"
)

// nicsShown says which NICs a step has to report: those of which something may differ
// from the last report.
type nicsShown struct {
	installed uint64              // the last step whose flows the switch has
	all       bool                // all NICs are to be reported
	due       map[string]struct{} // or only these
	lacking   map[string]string   // NICs of which a flow was refused, and why
}

// add adds the NICs that a step looked at, and those that were compiled again. They stay
// due until the flows of a step are in the switch.
func (s *nicsShown) add(in hostInput, compiled map[string]struct{}) {
	if in.looked == nil {
		s.all = true
	}
	if s.due == nil {
		s.due = map[string]struct{}{}
	}
	maps.Copy(s.due, in.looked)
	maps.Copy(s.due, compiled)
}

// reportNICs hands the reporter the NICs that are due, as they are now.
func (e *engine) reportNICs(in hostInput) {
	was := e.shown.lacking
	e.shown.lacking = e.tables.install.lacking(e.tables.desired.compiler.NIC)
	for _, some := range []map[string]string{was, e.shown.lacking} {
		for nic := range some {
			e.shown.due[nic] = struct{}{}
		}
	}
	nics := map[string]*nicReport{}
	if e.shown.all {
		for nic := range in.claims {
			nics[nic] = e.reportOf(in, nic)
		}
	} else {
		for nic := range e.shown.due {
			nics[nic] = e.reportOf(in, nic)
		}
	}
	e.report.plugged(e.shown.all, nics)
	if e.shown.installed == e.steps {
		e.shown.all, e.shown.due = false, nil // a map that once was large is slow to go through
	}
	e.report.flows(e.tables.len() - len(e.tables.install.refused))
}

// reportOf is what there is to say of a NIC, nil if it is not plugged.
func (e *engine) reportOf(in hostInput, nic string) *nicReport {
	c, plugged := in.claims[nic]
	if !plugged {
		return nil
	}
	r := &nicReport{ofport: c.iface.OFPort, warning: c.warn, since: in.pluggedAtStep[nic]}
	switch why, refused := e.shown.lacking[nic]; {
	case in.problems[nic] != "":
		r.problem = in.problems[nic]
	case refused:
		r.problem = why
	default:
		r.problem = e.tables.desired.compiler.Problem(nic)
	}
	r.installed = r.problem == "" && r.since != 0 && r.since <= e.shown.installed
	return r
}

// reportClaims reports the NICs while there is no switch to be used, and tells the share's
// source and other hosts of them: until it has heard which NICs are plugged here nobody knows
// of the host, and nobody would wait for it.
func (e *engine) reportClaims() {
	nics, plugged := map[string]*nicReport{}, map[string]bool{}
	here, gone := map[string]ovsdb.Interface{}, []string{}
	touched := e.plugs.takeTouched() // all are looked at when there is one
	e.plugs.readClaims(func(all *claims) {
		if !e.allShown {
			touched = map[string]struct{}{}
			for nic := range all.byNIC {
				touched[nic] = struct{}{}
			}
		}
		for nic := range touched {
			c, ok := all.get(nic)
			if plugged[nic] = ok; ok {
				nics[nic] = &nicReport{ofport: c.iface.OFPort, warning: c.warn}
				here[nic] = c.iface
			} else {
				nics[nic] = nil
				gone = append(gone, nic)
			}
		}
	})
	e.report.plugged(!e.allShown, nics)
	e.announce(plugged, !e.allShown)
	if !e.allShown || len(here)+len(gone) > 0 {
		e.newest.Plugged(here, gone, !e.allShown)
	}
	e.allShown = true
}
