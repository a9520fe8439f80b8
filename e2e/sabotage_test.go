package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/lab"
	"github.com/ringfence/ringfence/internal/slowness"
	"github.com/ringfence/ringfence/openflow"
	"github.com/ringfence/ringfence/openflow/ofconn"
	ofwire "github.com/ringfence/ringfence/openflow/wire"
)

// A foreign flow that drops or admits traffic in one of our tables shows in a
// trace: agreement is false, which counts and is an event. In the entry table,
// which is not ours alone, it stays. Inside the pipeline the drift alarm fires,
// and the controller takes it away within a second; so that a trace can see it
// there at all, the saboteur puts more there as long as it takes.
func TestTracesShowSabotage(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t, "--metrics-listen=127.0.0.1:0")
	n := dc.newTenant(t)
	n.play("web", "db")
	n.groups("open", "shut")
	n.rule("open", "r", "ingress tcp 80 from any")
	n.join("open", "web")
	n.join("shut", "db")
	host := dc.lab.Host("h1")
	saboteur, err := ofconn.Dial(t.Context(), host.MgmtSock(lab.Bridge), ofconn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer saboteur.Close()

	trace := func(to, verdict string, agreement bool) error {
		spec := client.TraceSpec{Protocol: "tcp", Port: 80, Source: client.TraceEnd{NIC: n.nic("web", "h2")}, Destination: client.TraceEnd{NIC: n.nic(to, "h1")}}
		trace, err := n.api.Trace(t.Context(), n.account, spec, client.Wait(longest))
		if err == nil && (trace.Verdict != verdict || trace.Agreement == nil || *trace.Agreement != agreement) {
			err = fmt.Errorf("%s, agreement %v: %+v", trace.Verdict, trace.Agreement, trace.Legs)
		}
		return err
	}
	inOrder := func() error {
		if err := trace("web", "allow", true); err != nil {
			return err
		}
		return trace("db", "deny", true)
	}
	if err := inOrder(); err != nil {
		t.Fatal(err)
	}
	vm := n.nicSpec("db", "h1")
	for _, c := range []struct {
		name, flow  string
		to, verdict string
		stays       bool
	}{
		{"drops at the door", "cookie=0x666, table=0, priority=5000,tcp,tp_dst=80 actions=drop", "web", "deny", true},
		{"admits at the door", fmt.Sprintf("cookie=0x666, table=0, priority=5000,tcp,dl_dst=%s,tp_dst=80 actions=set_field:%d->reg2,goto_table:100", vm.MAC, ofport(t, host, n.nic("db", "h1"))), "db", "allow", true},
		{"drops inside", "cookie=0x667, table=60, priority=6000 actions=drop", "web", "deny", false},
		{"admits inside", "cookie=0x667, table=70, priority=6000 actions=goto_table:100", "db", "allow", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			flow, err := openflow.ParseFlow(c.flow)
			if err != nil {
				t.Fatal(err)
			}
			drift := n.drift(t)
			disagreements := metric(t, dc.stack.URL+"/metrics", dc.stack.Token, "ringfence_trace_disagreements_total")
			put := func(m ofwire.FlowMod) {
				t.Helper()
				if err := saboteur.Bundle(t.Context(), []ofwire.FlowMod{m}); err != nil {
					t.Fatal(err)
				}
			}
			put(ofwire.AddFlow(flow))
			if c.stays {
				if err := trace(c.to, c.verdict, false); err != nil {
					t.Error(err)
				}
				put(ofwire.DeleteFlow(flow.Key()))
			} else {
				stop := again(t, saboteur, flow)
				eventually(t, longest, func() error { return trace(c.to, c.verdict, false) })
				stop()
				slowness.Within(t, time.Second, "the foreign flow is gone", func() {
					eventually(t, longest, func() error {
						left, err := saboteur.Dump(t.Context(), flow.Cookie, ^uint64(0))
						if err == nil && len(left) > 0 {
							err = fmt.Errorf("the foreign flow is still there: %v", left[0].Flow)
						}
						return err
					})
				})
				if now := n.drift(t); now <= drift {
					t.Errorf("the drift alarm is at %v, before %v", now, drift)
				}
				if log := dc.stack.Controller("h1").Log(); !strings.Contains(log, "changed by somebody else") {
					t.Error("the controller's log says nothing")
				}
			}
			if now := metric(t, dc.stack.URL+"/metrics", dc.stack.Token, "ringfence_trace_disagreements_total"); now <= disagreements {
				t.Errorf("%v disagreements, before %v", now, disagreements)
			}
			eventually(t, longest, inOrder)
		})
	}
	// The account was told.
	events, _, err := n.api.Events(t.Context(), n.account, n.latest, 0)
	if err != nil {
		t.Fatal(err)
	}
	var alarms []client.Alarm
	for _, e := range events {
		alarms = append(alarms, e.Alarms...)
	}
	if len(alarms) == 0 || alarms[0].Kind != "trace-disagreement" || len(alarms[0].Legs) != 1 || alarms[0].Legs[0].NIC != n.nic("web", "h1") ||
		alarms[0].Legs[0].Policy != "allow" || alarms[0].Legs[0].Datapath != "deny" {
		t.Errorf("alarms: %+v", alarms)
	}
}

// again puts a flow in place, at one priority after the other, until stop: what
// takes them away knows only those that were there when it began, so that some
// are always left.
func again(t *testing.T, c *ofconn.Conn, f openflow.Flow) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		priority := f.Priority
		for i := uint16(0); ; i++ {
			f.Priority = priority + i%1000
			if err := c.Bundle(ctx, []ofwire.FlowMod{ofwire.AddFlow(f)}); err != nil {
				done <- err
				return
			}
			select {
			case <-ctx.Done():
				done <- nil
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	}
}

// ofport is the port of a NIC at its host.
func ofport(t *testing.T, h *lab.Host, nic string) int {
	t.Helper()
	text, err := h.Vsctl(t.Context(), "--bare", "--columns=ofport", "find", "Interface", "external_ids:iface-id="+nic)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

var metricsURL = regexp.MustCompile(`metrics are served" url=(\S+)`)

// drift is how many flows h1's controller has put right.
func (n *tenant) drift(t *testing.T) float64 {
	t.Helper()
	url := metricsURL.FindStringSubmatch(n.dc.stack.Controller("h1").Log())
	if url == nil {
		t.Fatal("the controller does not say where its metrics are")
	}
	return metric(t, url[1], "", "ringfence_controller_drift_repaired_total")
}

// metric reads a metric of a process.
func metric(t *testing.T, url, token, name string) float64 {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(body)) {
		if v, is := strings.CutPrefix(line, name+" "); is {
			n, err := strconv.ParseFloat(strings.TrimSpace(v), 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("%s has no metric %s", url, name)
	return 0
}
