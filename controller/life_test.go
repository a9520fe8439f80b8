package controller

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/ringfence/ringfence/internal/policytest/small"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

var update = flag.Bool("update", false, "rewrite what testdata/life expects")

// life is a script of testdata/life that is being run: a line is a step, and a file
// of the archive what a step has to show in the end. With -update that is rewritten.
type life struct {
	*rig
	p        *small.Policy
	files    *txtar.Archive
	rev      int64    // of the policy
	flows    []string // those that are remembered
	repaired float64  // what was repaired before the last step that somebody else did
}

// TestLife runs the scripts of a controller's life: policy, plugs and faults, and
// the packets, tables and reports that are expected then.
func TestLife(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/life/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatal(scripts, err)
	}
	for _, path := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			files, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			l := &life{rig: newRig(t), p: small.New(), files: files}
			l.rev = l.write(l.p.Base()...)
			l.start()
			for i, line := range strings.Split(string(files.Comment), "\n") {
				if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
					continue
				}
				if l.step(line); t.Failed() {
					t.Fatalf("%s:%d: %s", path, i+1, line)
				}
			}
			if *update {
				if err := os.WriteFile(path, txtar.Format(files), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// step takes one step. Changes of the policy with " ; " between them are one write.
func (l *life) step(line string) {
	l.t.Helper()
	args := strings.Fields(line)
	var changes []secgroup.Change
	for one := range strings.SplitSeq(line, " ; ") {
		changes = append(changes, l.change(strings.Fields(one))...)
	}
	if changes != nil {
		l.rev = l.write(changes...)
		return
	}
	do, ok := map[string]func(args []string){
		"start": func([]string) { l.start() },
		"stop":  func([]string) { l.stop() },
		"plug": func(nics []string) {
			for _, n := range nics {
				l.plug(l.number(n))
			}
		},
		"unplug":  func(nics []string) { l.ovs.Vsctl("del-port", bridge, "p"+nics[0]) },
		"second":  func(a []string) { l.ovs.AddPort(bridge, "q"+a[0], uint32(10+l.number(a[0])), "a"+a[0]) }, // interface of a NIC
		"at-h2":   func(a []string) { l.atAnotherHost(a[0], a[1]) },
		"applied": func(nics []string) { l.applied(l.rev, prefixed("a", nics)...) },
		"passes":  func(a []string) { l.passes(l.number(a[0]), l.number(a[1]), a[2], l.number(a[3])) },
		"comes-to-pass": func(a []string) {
			l.eventually(patience, "it passes", func() string {
				if text, delivered := l.trace(l.number(a[0]), l.number(a[1]), a[2], l.number(a[3])); !delivered {
					return text
				}
				return ""
			})
		},
		"drops":    func(a []string) { l.dropped(l.number(a[0]), l.number(a[1]), a[2], l.number(a[3])) },
		"open":     func(a []string) { l.open(l.connection(a)) },
		"is-open":  func(a []string) { l.isOpen(l.connection(a)) },
		"is-cut":   func(a []string) { l.isCut(l.connection(a)) },
		"store":    func(a []string) { map[string]func(){"away": l.way.cut, "back": l.way.mend}[a[0]]() },
		"vswitchd": func([]string) { l.restartVswitchd() },
		"keep":     func([]string) { l.keepShare() },
		"kept":     func([]string) { l.awaitKept() },
		"reboot":   func([]string) { l.reboot() },
		"logged":   func(words []string) { l.logged(strings.Join(words, " ")) },
		"metric":   func(a []string) { l.metric(a[0], float64(l.number(a[1]))) },
		"remember": func([]string) { l.flows = l.rig.flows() },
		"stays":    func([]string) { l.stays(300*time.Millisecond, "flows", l.differ) },
		"ofctl": func(a []string) {
			l.repaired = l.counter("drift_repaired_total")
			l.ovs.Ofctl(slices.Insert(slices.Clone(a), 1, bridge)...)
		},
		"foreign": func([]string) { // what is there now and is not ours is to stay
			l.flows = append(l.flows, l.rig.flows()...)
			slices.Sort(l.flows)
			l.flows = slices.Compact(l.flows)
		},
		"same": func([]string) { l.eventually(patience, "flows", l.differ) },
		"repaired": func([]string) {
			l.promptly("flows", l.differ)
			l.promptly("it is counted", func() string {
				if l.counter("drift_repaired_total") == l.repaired {
					return "not yet"
				}
				return ""
			})
		},
		"tables": func(a []string) { l.shows(a, func() string { return l.tables(a[:len(a)-2]) }) },
		"report": func(a []string) { l.shows(a, l.report) },
	}[args[0]]
	if !ok {
		l.t.Fatalf("no such step: %s", line)
	}
	do(args[1:])
}

// change is a step that changes the policy: "nic 1", "attach web 1", "rule web r1 tcp
// 80-89 from db", and the same with "no-" before it; "nic 1 off" is one that is not
// filtered. It is nil if the step is none.
func (l *life) change(args []string) []secgroup.Change {
	l.t.Helper()
	switch args[0] {
	case "nic":
		n := small.NIC(l.number(args[1]))
		if len(args) == 3 {
			n.Enforcement = secgroup.Enforcement(args[2])
		}
		return []secgroup.Change{secgroup.Put(n)}
	case "no-nic":
		return []secgroup.Change{secgroup.Delete(small.NIC(l.number(args[1])).Key())}
	case "attach":
		return []secgroup.Change{secgroup.Put(small.Attach(args[1], "a"+args[2]))}
	case "no-attach":
		return []secgroup.Change{secgroup.Delete(small.Attach(args[1], "a"+args[2]).Key())}
	case "rule":
		from := ""
		if len(args) == 7 {
			from = args[6]
		}
		first, last, isRange := strings.Cut(args[4], "-")
		c := l.p.Rule(args[1], args[2], secgroup.Ingress, secgroup.Protocol(args[3]), uint16(l.number(first)), from)
		if isRange {
			c = l.p.With(args[1], func(g *secgroup.Group) { g.Rule(args[2]).PortMax = uint16(l.number(last)) })
		}
		return []secgroup.Change{c}
	case "no-rule":
		return []secgroup.Change{l.p.NoRule(args[1], args[2])}
	}
	return nil
}

func (l *life) number(s string) int {
	l.t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		l.t.Fatal(err)
	}
	return n
}

// connection is "2 1 80": of a2 with a1's port 80, by TCP.
func (l *life) connection(args []string) firstPacket {
	l.t.Helper()
	return tcp(l.number(args[0]), l.number(args[1]), uint16(l.number(args[2])))
}

func prefixed(prefix string, of []string) (all []string) {
	for _, s := range of {
		all = append(all, prefix+s)
	}
	return all
}

// keepShare starts the controller anew as one that keeps its share.
func (l *life) keepShare() {
	l.stop()
	l.keep, l.timing.sharePatience = filepath.Join(l.t.TempDir(), "share"), 100*time.Millisecond
	l.start()
}

// atAnotherHost has host h2 tell of a NIC's plug there: that it is "ready" or
// "unready", or "gone".
func (l *life) atAnotherHost(nic, state string) {
	l.t.Helper()
	if err := l.store.PutHost(l.t.Context(), store.HostStatus{Host: "h2", Instance: "i2"}); err != nil {
		l.t.Fatal(err)
	}
	plugs, gone := []store.Plug{{NIC: "a" + nic, Row: "x", Ready: state == "ready"}}, []string(nil)
	if state == "gone" {
		plugs, gone = nil, []string{"a" + nic}
	}
	if _, err := l.store.PutPlugs(l.t.Context(), "h2", plugs, gone); err != nil {
		l.t.Fatal(err)
	}
}

// metric waits until a counter or gauge of the controller has a value.
func (l *life) metric(name string, want float64) {
	l.t.Helper()
	l.eventually(patience, name, func() string {
		if got := l.counter(name); got != want {
			return fmt.Sprint(got)
		}
		return ""
	})
}

// differ says how the flows differ from those that are remembered.
func (l *life) differ() string { return same(l.rig.flows(), l.flows) }

// shows waits until a text is that of the file that "… > name" names.
func (l *life) shows(args []string, text func() string) {
	l.t.Helper()
	name := args[len(args)-1]
	i := slices.IndexFunc(l.files.Files, func(f txtar.File) bool { return f.Name == name })
	if *update {
		time.Sleep(time.Second) // until it is settled, so that the next run finds the same
		file := txtar.File{Name: name, Data: []byte(text())}
		if i < 0 {
			l.files.Files = append(l.files.Files, file)
		} else {
			l.files.Files[i] = file
		}
		return
	}
	if i < 0 {
		l.t.Fatalf("no file %s: make it with -update", name)
	}
	l.eventually(patience, name, func() string {
		if got := text(); got != string(l.files.Files[i].Data) {
			return got
		}
		return ""
	})
}

// tables is the flows of some tables.
func (l *life) tables(numbers []string) string {
	var b strings.Builder
	for _, f := range l.rig.flows() {
		if slices.ContainsFunc(numbers, func(n string) bool { return strings.Contains(f, " table="+n+",") }) {
			b.WriteString(f + "\n")
		}
	}
	return b.String()
}

// report is what the host reports, but for what differs from run to run.
func (l *life) report() string {
	var b strings.Builder
	for _, h := range l.store.Hosts() {
		if h.Host != hostName {
			continue
		}
		applied := "the last revision"
		if h.Applied < l.rev {
			applied = "an earlier revision"
		}
		fmt.Fprintf(&b, "applied: %s\nconnected: %t\nall flows: %t\n", applied, h.Connected, h.Flows == len(l.rig.flows()))
		for _, e := range h.Errors {
			fmt.Fprintf(&b, "error: %s\n", e)
		}
		slices.SortFunc(h.NICs, func(a, b store.HostNIC) int { return strings.Compare(a.ID, b.ID) })
		for _, n := range h.NICs {
			fmt.Fprintf(&b, "%s: ofport %d, ready %t", n.ID, n.OFPort, n.Ready)
			if n.Error != "" {
				fmt.Fprintf(&b, ", %s", n.Error)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}
