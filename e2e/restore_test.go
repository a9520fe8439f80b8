package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/stack"
	"github.com/ringfence/ringfence/internal/traffic"
)

// TestRestoreDrill is the drill of docs/restore.md, with real packets: a
// snapshot, changes, the loss of etcd, and the page's very commands, for three
// members. What is in force then is what the store says, flow by flow and
// packet by packet: what was revoked since the snapshot is allowed again, what
// was allowed since is cut. Nothing of what was lost is said to be in force,
// and what is allowed before and after does not lose a packet.
func TestRestoreDrill(t *testing.T) {
	t.Parallel()
	dc := newDatacentre(t)
	n := newClientServer(t, dc)
	n.awaitApplied()
	then, said := map[string][]string{}, n.policy()
	for _, h := range hosts {
		then[h] = flows(t, dc.lab.Host(h))
	}
	dir := t.TempDir()
	snapshot := filepath.Join(dir, "snapshot.db")
	run(t, "etcdctl --endpoints="+dc.stack.EtcdURL()+" snapshot save "+snapshot)

	// What is lost: the client of h1 is cut off, the stranger of h2 is let in,
	// and there is one more group.
	n.groups("later")
	n.leave("peers", "client@h1")
	n.join("peers", "stranger@h2")
	kept := n.hold("client@h2", "server", traffic.StreamSpec{})
	gone := held{client: n.party("stranger@h2"), server: n.party("server@h1")}
	gone.Stream = openStream(t, gone.client, gone.server, "tcp", 4, 20900, traffic.StreamSpec{})
	const changed = "client@h2 -> server: tcp/80 icmp4\nstranger@h2 -> server: tcp/80\n* -> server: icmp4"
	n.expect(changed)
	latest, err := n.api.Realization(t.Context(), 0, longest)
	n.must(latest, err)
	since := time.Now()

	n.must(nil, dc.stack.Etcd().Stop())
	members := restoreAsThePageSays(t, dir, snapshot, dc.stack.EtcdURL())
	n.expect(changed) // hosts go on
	for _, m := range members {
		n.must(nil, m.start())
	}
	restored := time.Now()
	n.awaitApplied()
	for _, h := range hosts {
		expectFlows(t, dc.lab.Host(h), then[h])
	}
	inForce := time.Now()
	t.Logf("in force %s after etcd was started", inForce.Sub(restored).Round(time.Millisecond))
	n.expect(clientServerWant)
	expectCut(t, gone.Stream, gone.client, gone.server, inForce)
	for _, s := range kept {
		expectUndisturbed(t, s.Stream, s.client, s.server, since)
	}

	// What it says of itself.
	if now := n.policy(); now != said {
		t.Errorf("the policy is\n%s\nand was, when it was saved,\n%s", now, said)
	}
	refused := func(what string, err error, status int, code string) {
		t.Helper()
		var p *client.Problem
		if !errors.As(err, &p) || p.Status != status || p.Code != code {
			t.Errorf("%s: %v, want %d %s", what, err, status, code)
		}
	}
	_, err = n.api.Group(t.Context(), n.account, "later")
	refused("a group that is lost", err, http.StatusNotFound, "not-found")
	_, err = n.api.Realization(t.Context(), latest.Revision, time.Second)
	refused("whether a revision that is lost is in force", err, http.StatusGone, "revision-compacted")
	_, _, err = n.api.Events(t.Context(), n.account, latest.Revision, time.Second)
	refused("events since a revision that is lost", err, http.StatusGone, "revision-compacted")
	is, err := n.api.Realization(t.Context(), 0, longest)
	if err != nil || is.State != "realized" || is.Revision >= latest.Revision {
		t.Errorf("the latest revision is %+v, %v; before the loss it was %d", is, err, latest.Revision)
	}
	for _, h := range hosts {
		if host, err := n.api.Host(t.Context(), h); err != nil || host.AppliedRevision != is.Revision || len(host.Errors) > 0 || host.Receipt == "" {
			t.Errorf("host %s says %+v, %v, want revision %d", h, host, err, is.Revision)
		}
	}
	// It takes changes, on a majority of its members.
	n.must(nil, members[2].process.Kill())
	answered := n.leave("peers", "client@h1")
	n.expect("client@h2 -> server: tcp/80\n* -> server: icmp4")
	t.Logf("a change is in force with one member of three away, %s after that", time.Since(answered).Round(time.Millisecond))
}

// policy is the account's policy, as the API tells it.
func (n *tenant) policy() string {
	n.t.Helper()
	var b strings.Builder
	groups, err := client.Collect(n.api.Groups(n.t.Context(), n.account))
	n.must(nil, err)
	for _, g := range groups {
		g, err := n.api.Group(n.t.Context(), n.account, g.ID)
		n.must(nil, err)
		text, err := json.Marshal(g)
		n.must(nil, err)
		fmt.Fprintf(&b, "%s\n", text)
	}
	nics, err := client.Collect(n.api.NICs(n.t.Context(), n.account))
	n.must(nil, err)
	for _, nic := range nics {
		fmt.Fprintf(&b, "%s %s %v %v\n", nic.ID, nic.MAC, nic.Addresses, nic.EffectiveGroups)
	}
	return b.String()
}

// member is one member of a restored etcd.
type member struct {
	process *stack.Process
	start   func() error
}

// restoreAsThePageSays runs the commands of docs/restore.md for three members,
// with their names and addresses here. The first will listen where etcd did.
func restoreAsThePageSays(t *testing.T, dir, snapshot, first string) []*member {
	t.Helper()
	page, err := os.ReadFile("../docs/restore.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```sh\n( *mv .*?)```").FindSubmatch(page)
	if found == nil {
		t.Fatal("docs/restore.md has no commands that begin with mv")
	}
	peers := stack.LoopbackAddresses(3)
	clients := append([]string{strings.TrimPrefix(first, "http://")}, stack.LoopbackAddresses(2)...)
	var members []*member
	for i := range peers {
		script := string(found[1])
		for j, peer := range peers {
			script = strings.ReplaceAll(script, fmt.Sprintf("etcd%d=https://10.0.0.%d:2380", j+1, j+1), fmt.Sprintf("m%d=http://%s", j+1, peer))
		}
		name, data := fmt.Sprintf("m%d", i+1), filepath.Join(dir, fmt.Sprintf("data%d", i+1))
		script = strings.NewReplacer(
			"/var/lib/etcd/ringfence", data, "20261128T100000Z.db", snapshot,
			"--name etcd1", "--name "+name, "https://10.0.0.1:2380", "http://"+peers[i],
		).Replace(script)
		if strings.Contains(script, "10.0.0.") || strings.Contains(script, "/var/") {
			t.Fatalf("not all of the page's commands is understood:\n%s", script)
		}
		if err := os.Mkdir(data, 0o700); err != nil { // what is lost
			t.Fatal(err)
		}
		run(t, script)
		m := &member{}
		m.start = func() (err error) {
			m.process, err = stack.StartProcess(name, filepath.Join(dir, name+".log"), stack.EtcdServer, "--name="+name, "--data-dir="+data,
				"--log-level=warn", "--logger=zap", "--unsafe-no-fsync", "--listen-client-urls=http://"+clients[i], "--advertise-client-urls=http://"+clients[i],
				"--listen-peer-urls=http://"+peers[i], "--initial-advertise-peer-urls=http://"+peers[i])
			return err
		}
		t.Cleanup(func() {
			if m.process != nil {
				if t.Failed() {
					t.Logf("%s: %s", name, m.process.Log())
				}
				_ = m.process.Kill()
			}
		})
		members = append(members, m)
	}
	return members
}

// run runs commands as a shell does.
func run(t *testing.T, script string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", script)
	cmd.Env = append(os.Environ(), "ETCDCTL_API=3")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
}
