// Command hosts measures relays with many hosts: a real etcd, the program's own relays,
// each in a process of its own, and simulated hosts (package hostsim) in this one, which take
// whatever they are given at once. It prints a JSON line a figure.
//
// A change is a write to the store, as the API makes it; it is applied when a store that
// follows the hosts' reports, as every API does, knows that of all whom it concerns.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/cmd/bench/internal/direct"
	"github.com/ringfence/ringfence/cmd/bench/internal/usage"
	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/internal/hostsim"
	"github.com/ringfence/ringfence/internal/lines"
	"github.com/ringfence/ringfence/internal/stack"
	"github.com/ringfence/ringfence/secgroup"
	"github.com/ringfence/ringfence/store"
)

func main() {
	hosts := flag.Int("hosts", 100, "how many hosts")
	nics := flag.Int("nics", 20, "NICs of each")
	relays := flag.Int("relays", 1, "how many relays the hosts are spread over")
	reps := flag.Int("reps", 30, "how often to make each change")
	binary := flag.String("ringfence", "bin/ringfence", "the program to measure")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *hosts < 1 || *nics < 1 || *relays < 1 || *reps < 2 {
		fmt.Fprintln(os.Stderr, "bench: -hosts, -nics and -relays: at least 1; -reps: at least 2")
		os.Exit(2)
	}
	b := &bench{hosts: *hosts, nics: *nics, reps: *reps, relays: make([]relay, *relays)}
	if err := b.run(ctx, *binary); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	hosts, nics, reps int
	etcd              *stack.Process
	relays            []relay
	api               *direct.Store
	token             string
	lines             *lines.Writer
}

type relay struct {
	address string // where hosts come
	process *stack.Process
}

func (b *bench) run(ctx context.Context, binary string) (err error) {
	every := lines.Members{"bench": "hosts", "hosts": b.hosts, "nics": b.nics, "relays": len(b.relays)}
	if b.lines, err = lines.Begin(ctx, os.Stdout, lines.Command("cmd/bench/hosts"), every); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench-hosts-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ports := stack.LoopbackAddresses(2 + len(b.relays))
	client, peers := "http://"+ports[0], "http://"+ports[1]
	b.etcd, err = stack.StartProcess("etcd", filepath.Join(dir, "etcd.log"), stack.EtcdServer, "--data-dir", filepath.Join(dir, "etcd"), "--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers)
	if err != nil {
		return err
	}
	defer func() { _ = b.etcd.Kill() }() // there is nothing to keep
	if b.api, err = direct.Open(ctx, client); err != nil {
		return err
	}
	defer b.api.Close()
	b.api.Hosts()
	file := filepath.Join(dir, "tokens")
	secret, entry := tokens.NewHost(tokens.AnyHost, "bench", nil)
	b.token = secret
	if err := tokens.Update(file, func([]tokens.Entry) ([]tokens.Entry, error) { return []tokens.Entry{entry}, nil }); err != nil {
		return err
	}
	if err := b.populate(ctx); err != nil {
		return err
	}
	for i, address := range ports[2:] {
		name := fmt.Sprintf("relay-%d", i)
		process, err := stack.StartProcess(name, filepath.Join(dir, name+".log"), binary, "relay", "--etcd", client, "--hosts-listen", address, "--tokens", file, "--log-level", "warn")
		if err != nil {
			return err
		}
		defer func() { _ = process.Kill() }()
		b.relays[i] = relay{address, process}
	}
	return b.measure(ctx)
}

func account(host int) string { return fmt.Sprintf("tenant-%d", host) }

func nic(host, n int) string { return fmt.Sprintf("nic-%d-%d", host, n) }

// group is the group of a host, the default of its account.
func (b *bench) group(host int, port uint16) secgroup.Change {
	ref := secgroup.GroupRef{Account: account(host), ID: "default"}
	return secgroup.Put(&secgroup.Group{
		GroupRef: ref, Name: "default", IsDefault: true, EgressPolicy: secgroup.EgressAuto, NetworkScope: secgroup.ScopeAny,
		Rules: []secgroup.Rule{{ID: "r", Direction: secgroup.Ingress, Family: secgroup.FamilyAny, Protocol: secgroup.ProtocolTCP, PortMin: port, PortMax: port, Enabled: true, Origin: secgroup.OriginUser},
			{ID: "s", Direction: secgroup.Ingress, Family: secgroup.FamilyAny, Protocol: secgroup.ProtocolAll, RemoteGroup: ref, Enabled: true, Origin: secgroup.OriginDefault}},
	})
}

// applied waits until hosts are at a revision, as an API knows it.
func (b *bench) applied(ctx context.Context, rev int64, hosts ...string) error {
	if len(hosts) == 0 {
		for h := range b.hosts {
			hosts = append(hosts, fmt.Sprintf("host-%d", h))
		}
	}
	return b.api.WaitEach(ctx, hosts, func(h *store.HostStatus) bool { return h.Applied >= rev }, func() bool { return false })
}

func (b *bench) measure(ctx context.Context) error {
	rev, err := b.api.Write(ctx, b.group(0, 2))
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := b.attach(ctx); err != nil {
		return err
	}
	if err := b.applied(ctx, rev); err != nil {
		return err
	}
	if err := b.lines.Figure("hosts_start_all", time.Since(begun).Seconds(), "s", nil); err != nil {
		return err
	}
	one := func(i int) (int64, []string, error) {
		rev, err := b.api.Write(ctx, b.group(0, uint16(100+i)))
		return rev, []string{"host-0"}, err
	}
	all := func(i int) (int64, []string, error) {
		rev, err := b.api.Write(ctx, secgroup.Put(&secgroup.Baseline{Addresses: []secgroup.BaselineAddress{{Address: netip.AddrFrom4([4]byte{169, 254, 169, 254}), Protocol: secgroup.ProtocolTCP, Port: uint16(100 + i)}}}))
		return rev, nil, err
	}
	for _, c := range []struct {
		name   string
		change func(int) (int64, []string, error)
	}{{"one", one}, {"all", all}} {
		if err := b.changes(ctx, c.name, c.change); err != nil {
			return err
		}
	}
	etcd, _, err := usage.Memory(b.etcd.PID())
	if err != nil {
		return err
	}
	relay := uint64(0) // the largest of them
	for _, r := range b.relays {
		rss, _, err := usage.Memory(r.process.PID())
		if err != nil {
			return err
		}
		relay = max(relay, rss)
	}
	return errors.Join(
		b.lines.Figure("relay_rss", float64(relay)/1e6, "MB", nil),
		b.lines.Figure("etcd_rss", float64(etcd)/1e6, "MB", nil))
}

// attach has all hosts come, as fast as they can.
func (b *bench) attach(ctx context.Context) error {
	var g errgroup.Group
	g.SetLimit(64)
	for h := range b.hosts {
		g.Go(func() error {
			var ids []string
			for n := range b.nics {
				ids = append(ids, nic(h, n))
			}
			for {
				host, err := hostsim.Attach(ctx, hostsim.Config{Relay: b.relays[h%len(b.relays)].address, Token: b.token, Name: fmt.Sprintf("host-%d", h), NICs: ids})
				if err == nil {
					err = host.Wait(ctx, func(s hostsim.Seen) bool { return s.Deltas > 0 })
				}
				if err == nil || ctx.Err() != nil {
					return ctx.Err()
				}
				time.Sleep(100 * time.Millisecond) // the relay is not there yet
			}
		})
	}
	return g.Wait()
}

// changes makes one kind of change again and again, and prints what it takes.
func (b *bench) changes(ctx context.Context, name string, change func(int) (int64, []string, error)) error {
	var answered, applied []time.Duration
	var first, last int64
	etcd, relays, err := b.cpu()
	if err != nil {
		return err
	}
	for i := range b.reps {
		begun := time.Now()
		rev, hosts, err := change(i)
		if err != nil {
			return err
		}
		answered = append(answered, time.Since(begun))
		if err := b.applied(ctx, rev, hosts...); err != nil {
			return err
		}
		applied = append(applied, time.Since(begun))
		if i == 0 {
			first = rev
		}
		last = rev
	}
	etcdAfter, relaysAfter, err := b.cpu()
	if err != nil {
		return err
	}
	return errors.Join(
		b.lines.Figure("change_"+name+"_answer_p50", ms(answered, 50), "ms", nil),
		b.lines.Figure("change_"+name+"_applied_p50", ms(applied, 50), "ms", nil),
		b.lines.Figure("change_"+name+"_applied_p99", ms(applied, 99), "ms", nil),
		b.lines.Figure("etcd_writes_per_change_"+name, float64(last-first)/float64(b.reps-1), "writes", nil),
		b.lines.Figure("etcd_cpu_per_change_"+name, 1000*(etcdAfter-etcd)/float64(b.reps), "ms", nil),
		b.lines.Figure("relay_cpu_per_change_"+name, 1000*(relaysAfter-relays)/float64(b.reps), "ms", nil))
}

// cpu is the processor time that etcd and all relays have taken, in seconds.
func (b *bench) cpu() (etcd, relays float64, err error) {
	if etcd, err = usage.CPU(b.etcd.PID()); err != nil {
		return 0, 0, err
	}
	for _, r := range b.relays {
		one, err := usage.CPU(r.process.PID())
		if err != nil {
			return 0, 0, err
		}
		relays += one
	}
	return etcd, relays, nil
}

func ms(all []time.Duration, percent int) float64 {
	slices.Sort(all)
	return float64(all[min(len(all)-1, len(all)*percent/100)].Microseconds()) / 1000
}
