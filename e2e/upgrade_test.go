package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/flowwatch"
	"github.com/ringfence/ringfence/internal/stack"
	"github.com/ringfence/ringfence/internal/traffic"
)

// lastLevel is the last commit at which the records' level was one less than
// it is now: who upgrades from there sees the level rise.
const lastLevel = "44a5cee0705636b285b916bd31cdab7205476937"

// TestUpgradeUnderTraffic is the drill of docs/upgrade.md, with real packets:
// hosts first and then the API, all of it back, and then the API first. All
// the while connections are held open, of TCP and UDP, in both families,
// within a host and across, with both ends sending: not a packet of them is
// lost. A change takes hold whoever of the two versions is where, a flow that
// is the same before and after a controller's step is not touched in it, and
// the level of the cluster rises when the last one is new.
func TestUpgradeUnderTraffic(t *testing.T) {
	t.Parallel()
	then := previousBinary(t, lastLevel)
	now, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	dc := newDatacentre(t)
	n := newClientServer(t, dc)
	u := &upgrade{tenant: n, port: 20500, watches: map[string]*flowwatch.Watch{}}
	for _, h := range hosts {
		u.watches[h] = watch(t, dc.lab.Host(h))
	}
	newest := u.level()
	dc.stack.Use(then)
	for _, who := range []string{"h1", "h2", "api"} {
		u.restart(who)
	}
	since := time.Now()
	streams := n.hold("client@h1", "server", traffic.StreamSpec{})
	for _, round := range []struct {
		name, binary string
		steps        []string
		level        int // that the cluster comes to
	}{
		{"hosts first", now, []string{"h1", "h2", "api"}, newest},
		{"back", then, []string{"h2", "api", "h1"}, newest - 1},
		{"API first", now, []string{"api", "h2", "h1"}, newest},
	} {
		dc.stack.Use(round.binary)
		for i, step := range round.steps {
			if level := u.level(); i > 0 && level >= newest {
				t.Errorf("%s: the level is %d while there are members of both versions", round.name, level)
			}
			u.step(round.name+", "+step, step)
		}
		eventually(t, longest, func() error {
			if level := u.level(); level != round.level {
				return fmt.Errorf("%s: the level is %d, want %d", round.name, level, round.level)
			}
			return nil
		})
		for _, s := range streams {
			expectUndisturbed(t, s.Stream, s.client, s.server, since)
		}
	}
	n.expect(clientServerWant)
}

type upgrade struct {
	*tenant
	watches map[string]*flowwatch.Watch
	port    uint16 // of the last connection that was to be cut
}

func (u *upgrade) level() int {
	u.t.Helper()
	return levelOf(u.t, u.dc.stack)
}

// levelOf is the level of the cluster as the store has it: an API of that time
// does not tell.
func levelOf(t *testing.T, s *stack.Stack) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "etcdctl", "--endpoints="+s.EtcdURL(), "get", "--print-value-only", "/ringfence/v1/members/level")
	cmd.Env = append(os.Environ(), "ETCDCTL_API=3")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var record struct{ Level int }
	if err := json.Unmarshal(out, &record); err != nil {
		t.Fatalf("the level of the cluster: %v: %s", err, out)
	}
	return record.Level
}

// restart ends the API or the controller of a host, and starts it as the
// version that is in use now.
func (u *upgrade) restart(who string) {
	u.t.Helper()
	s := u.dc.stack
	if who == "api" {
		u.must(nil, s.API().Stop())
		u.must(nil, s.RestartAPI())
		u.must(nil, s.AwaitAPI(u.t.Context()))
		return
	}
	u.must(nil, s.Controller(who).Stop())
	u.must(nil, s.RestartController(who))
	u.awaitApplied()
}

// step restarts one, and looks at what it did to the flows. Then a change is
// made and taken back.
func (u *upgrade) step(name, who string) {
	u.t.Helper()
	if who == "api" {
		u.restart(who)
	} else {
		host := u.dc.lab.Host(who)
		was := flows(u.t, host)
		u.watches[who].Forget()
		u.restart(who)
		now := flows(u.t, host)
		touched := map[string]bool{}
		for _, e := range u.watches[who].Events() {
			if f := flowOf(e.Text); !temporary(f) {
				touched[f] = true
			}
		}
		texts := map[string]map[string]bool{} // that a cookie, table and match has before and after
		for _, f := range slices.Concat(now, was) {
			if texts[flowOf(f)] == nil {
				texts[flowOf(f)] = map[string]bool{}
			}
			texts[flowOf(f)][f] = true
		}
		var needless, unseen []string
		for _, f := range now {
			switch there, seen := slices.Contains(was, f), touched[flowOf(f)]; {
			case there && seen && len(texts[flowOf(f)]) == 1:
				needless = append(needless, f)
			case !there && !seen:
				unseen = append(unseen, f)
			}
		}
		// One flow may be put in its place again to wake the revalidators.
		if len(needless) > 1 {
			u.t.Errorf("%s: %d flows were touched that are what they were: %v", name, len(needless), needless)
		}
		if len(unseen) > 0 {
			u.t.Errorf("%s: the test did not see %d flows come: %v", name, len(unseen), unseen)
		}
		u.t.Logf("%s: %d flows were and %d are, %d came, went or changed", name, len(was), len(now), len(touched))
	}
	u.join("peers", "stranger@h2")
	u.expectOf("tcp4/80", clientsWant+"\nstranger@h2 -> server: tcp4/80")
	u.port++
	var open []held
	for _, h := range hosts {
		c := held{client: u.party("stranger@h2"), server: u.party("server@" + h)}
		c.Stream = openStream(u.t, c.client, c.server, "tcp", 4, u.port, traffic.StreamSpec{})
		open = append(open, c)
	}
	answered := u.leave("peers", "stranger@h2")
	u.expectOf("tcp4/80", clientsWant)
	time.Sleep(time.Until(answered.Add(2 * inFlight))) // what must not arrive has its time
	for _, c := range open {
		expectCut(u.t, c.Stream, c.client, c.server, answered)
		_ = c.Close() // of what is cut a reset may have been told
	}
}

// clientsWant is what of tcp4/80 passes but for the stranger's.
const clientsWant = "client -> server: tcp4/80"

var (
	flowEvent = regexp.MustCompile(`^event=\S+ (?:reason=\S+ )?table=(\d+) (?:\w+_timeout=\d+ )*cookie=(\S+) ?(.*)$`)
	flowLine  = regexp.MustCompile(`^cookie=(\S+), (?:table=(\d+), )?(?:\w+_timeout=\d+, )*(?:priority=\d+,?)?(.*?) ?actions=`)
)

// flowOf is a flow's cookie, table and match, of a line of ovs-ofctl(8)
// dump-flows or of its monitor, which does not tell the priority.
func flowOf(text string) string {
	if m := flowEvent.FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("cookie=%s table=%s %s", m[2], m[1], m[3])
	}
	if m := flowLine.FindStringSubmatch(text); m != nil {
		return fmt.Sprintf("cookie=%s table=%s %s", m[1], cmp.Or(m[2], "0"), m[3])
	}
	panic("not a flow: " + text)
}
