package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/ovstest"
	"github.com/ringfence/ringfence/internal/stack"
)

// previous is the last commit before records had levels: its programs refuse a
// record with any field that they do not know, and read nothing any more until
// it is gone. It stands for every version that an upgrade may begin with.
const previous = "6b6a7fd121b6ab470a3d650dd3976c3aa63e4662"

// building is held while a program of before is built.
var building sync.Mutex

// previousBinary is the program of a commit, built at most once for all tests of a run.
func previousBinary(t *testing.T, commit string) string {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	dir, path := t.TempDir(), filepath.Join(buildDir(), "ringfence-"+commit)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	top, err := exec.Command("git", "rev-parse", "--show-toplevel").Output()
	if err != nil {
		t.Skip("there is no git history to build the previous version from")
	}
	root := strings.TrimSpace(string(top))
	if exec.Command("git", "-C", root, "cat-file", "-e", commit).Run() != nil {
		t.Skip("the git history does not reach back to the previous version " + commit + " (a shallow clone?)")
	}
	archive := exec.Command("sh", "-c", `git -C "$1" archive "$2" | tar -x -C "$3"`, "sh", root, commit, dir)
	if out, err := archive.CombinedOutput(); err != nil {
		t.Fatalf("git archive: %v\n%s", err, out)
	}
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", path, "./cmd/ringfence")
	build.Dir, build.Env = dir, append(os.Environ(), "GOFLAGS=-trimpath -buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build of %s: %v\n%s", commit, err, out)
	}
	return path
}

// startAPI starts a store and an API of a version, for the time of the test.
func startAPI(ctx context.Context, t *testing.T, binary string) *stack.Stack {
	t.Helper()
	s, err := stack.StartAPI(ctx, binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.Logs())
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestBesideThePrevious rolls this version out beside the previous one, an API
// and a controller at a time, and back: each reads what the other writes, each
// applies it and believes the other's hosts, and what the previous one does not
// understand is written by nobody as long as it may be there.
func TestBesideThePrevious(t *testing.T) {
	t.Parallel()
	then := previousBinary(t, previous)
	now, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	s := startAPI(ctx, t, then)
	switches := map[string]*ovstest.OVS{}
	for i, host := range []string{"h1", "h2"} {
		o := ovstest.Start(t, ovstest.Options{})
		o.AddBridge("br-int")
		o.Vsctl("add-port", "br-int", "tap", "--", "set", "Interface", "tap", "type=dummy", "ofport_request=1", fmt.Sprintf("external_ids:iface-id=n%d", i+1))
		switches[host] = o
	}
	at := func(host, binary string) stack.Host {
		return stack.Host{Name: host, OVSDB: switches[host].DBAddr, Bridge: "br-int", Binary: binary}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	older := s.Client
	must(s.StartController(at("h1", then)))
	must(second(older.PutNetwork(ctx, "net", client.NetworkSpec{Type: "flat", Prefixes: []string{"10.0.0.0/24"}})))
	must(second(older.PutGroup(ctx, "acme", "web", client.GroupSpec{Name: "web"})))
	for i := 1; i <= 2; i++ {
		nic := fmt.Sprintf("n%d", i)
		must(second(older.PutNIC(ctx, nic, client.NICSpec{Account: "acme", Network: "net", MAC: fmt.Sprintf("02:00:00:00:00:0%d", i), Addresses: []string{fmt.Sprintf("10.0.0.%d", i)}})))
		must(older.AttachNIC(ctx, "acme", nic, "web"))
	}
	// open adds a rule by one API and waits for both hosts by the other, then
	// looks at both switches.
	port := 8000
	open := func(when string, by, seenBy *client.Client, hosts ...string) {
		t.Helper()
		for _, c := range []*client.Client{by, seenBy} {
			eventually(t, time.Minute, func() error {
				for _, name := range hosts {
					if h, err := c.Host(ctx, name); err != nil || !h.Alive || !h.Connected {
						return fmt.Errorf("%s: host %s for an API: %+v, %v", when, name, h, err)
					}
				}
				return nil
			})
		}
		port++
		must(second(by.PutRule(ctx, "acme", "web", fmt.Sprintf("r%d", port), client.RuleSpec{Direction: "ingress", Protocol: "tcp", PortMin: &port})))
		r, err := seenBy.Realization(ctx, 0, time.Minute)
		must(err)
		if r.State != "realized" {
			t.Fatalf("%s: %+v", when, r)
		}
		for _, h := range hosts {
			eventually(t, time.Minute, func() error {
				if !strings.Contains(switches[h].Ofctl("dump-flows", "br-int"), fmt.Sprintf("tp_dst=%d", port)) {
					return fmt.Errorf("%s: host %s has no flow for port %d", when, h, port)
				}
				return nil
			})
		}
	}
	open("the previous version alone", older, older, "h1")

	process, newer, err := s.StartBeside(ctx, now)
	must(err)
	must(s.StartController(at("h2", now)))
	open("written by the previous, seen by this", older, newer, "h1", "h2")
	open("written by this, seen by the previous", newer, older, "h1", "h2")
	clusterIs := func(when string, level int, adopted bool) {
		t.Helper()
		eventually(t, time.Minute, func() error {
			c, err := newer.Cluster(ctx)
			if level == 0 {
				level = c.Reads
			}
			if err == nil && (c.Level != level || c.OlderAPIsGone != adopted || len(c.Unreadable) > 0) {
				err = fmt.Errorf("%s: %+v, want level %d", when, c, level)
			}
			return err
		})
	}
	clusterIs("beside the previous", 1, false)
	must(second(newer.AdoptCluster(ctx))) // too early: but the host of the previous version holds it
	clusterIs("with a host of the previous version", 1, true)

	must(s.Controller("h1").Stop())
	must(s.StartController(at("h1", now)))
	clusterIs("all hosts are new", 0, true) // what this version understands
	open("with new hosts", older, newer, "h1", "h2")

	// And back.
	must(s.Controller("h2").Stop())
	must(s.StartController(at("h2", then)))
	clusterIs("a host was rolled back", 1, true)
	open("a host was rolled back", newer, older, "h1", "h2")
	must(process.Stop())
	open("the previous API alone", older, older, "h1", "h2")
	if groups, err := older.Group(ctx, "acme", "web"); err != nil || len(groups.Rules) != port-8000+2 {
		t.Errorf("the group is %+v, %v", groups, err)
	}
}

// TestHeldLevel: an operator holds the level before the upgrade, everything is
// upgraded, hosts or APIs first, and rolled back: as long as it is held the level
// stays, also where only an API of before is left, which does not know of holds,
// and what is written is read by everybody. Released, it rises.
func TestHeldLevel(t *testing.T) {
	t.Parallel()
	then := previousBinary(t, lastLevel)
	now, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	s := startAPI(ctx, t, then)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	o := ovstest.Start(t, ovstest.Options{})
	o.AddBridge("br-int")
	run := func(binary string) {
		t.Helper()
		must(s.StartController(stack.Host{Name: "h1", OVSDB: o.DBAddr, Bridge: "br-int", Binary: binary}))
	}
	process, newer, err := s.StartBeside(ctx, now)
	must(err)
	var before int
	is := func(when string, hosts int, want func(client.Cluster) bool) {
		t.Helper()
		eventually(t, time.Minute, func() error {
			c, err := newer.Cluster(ctx)
			if err != nil {
				return err
			}
			seen := 0
			for _, m := range c.Members {
				if m.Kind == "host" && m.Reads == hosts {
					seen++
				}
			}
			if seen != 1 || !want(c) {
				err = fmt.Errorf("%s: %+v", when, c)
			}
			return err
		})
	}
	held := func(c client.Cluster) bool { return c.Level == c.Reads-1 && c.Hold != nil }
	eventually(t, time.Minute, func() error {
		c, err := newer.Cluster(ctx)
		if before = c.Reads - 1; err == nil && c.Level != before {
			err = fmt.Errorf("%+v", c)
		}
		return err
	})
	must(second(newer.HoldCluster(ctx, before)))
	run(then) // which says nothing of what it understands: so the level is the first one for now
	is("a host of before", 1, func(c client.Cluster) bool { return c.Level == 1 && c.Hold != nil })

	// Hosts first, then the API: all are new, and the level stays. What needs
	// the next one is refused, and nobody is named who is old.
	must(s.Controller("h1").Stop())
	run(now)
	is("a new host", before+1, held)
	must(s.API().Stop())
	is("all are new", before+1, func(c client.Cluster) bool { return held(c) && len(c.Members) == 2 })
	_, err = newer.PutNetwork(ctx, "local", client.NetworkSpec{Type: "flat", VLAN: client.NoVLAN})
	if !client.HasCode(err, "cluster-level") || !strings.Contains(err.Error(), "is held at") {
		t.Errorf("a write that needs the next level while the level is held: %v", err)
	}

	// Back, and the API of before alone beside a host that is new: it would raise
	// the level, and keeps to the hold that it does not know of.
	must(s.RestartAPI())
	must(s.AwaitAPI(ctx))
	must(process.Stop())
	must(second(s.Client.PutGroup(ctx, "acme", "web", client.GroupSpec{Name: "web"})))
	must(s.Controller("h1").Stop()) // so that it looks at the level again
	run(now)
	eventually(t, time.Minute, func() error {
		r, err := s.Client.Realization(ctx, 0, time.Minute)
		if err == nil && r.State != "realized" {
			err = fmt.Errorf("%+v", r)
		}
		return err
	})
	if level := levelOf(t, s); level != before {
		t.Errorf("the API of before has brought the level to %d", level)
	}

	// It is upgraded while all others are new, and the hold is released.
	must(s.API().Stop())
	s.Use(now)
	must(s.RestartAPI())
	newer = s.Client
	is("all are new again", before+1, func(c client.Cluster) bool { return held(c) && len(c.Members) == 2 })
	must(newer.ReleaseCluster(ctx))
	is("released", before+1, func(c client.Cluster) bool { return c.Level == c.Reads && c.Hold == nil })
	must(second(newer.PutNetwork(ctx, "local", client.NetworkSpec{Type: "flat", VLAN: client.NoVLAN})))
}

func second[T any](_ T, err error) error { return err }
