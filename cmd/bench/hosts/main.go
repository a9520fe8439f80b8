// Command hosts measures relays with many hosts: a real etcd, the program's own relays,
// each in a process of its own, and simulated hosts (package hostsim) in this one, which take
// whatever they are given at once. It prints a JSON line a figure.
//
// A change is a write to the store, as the API makes it; it is applied when a store that
// follows the hosts' reports, as every API does, knows that of all whom it concerns.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/ringfence/ringfence/httpapi/tokens"
	"github.com/ringfence/ringfence/internal/hostsim"
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
	etcd              *exec.Cmd
	relays            []relay
	api               *store.Store
	token             string
}

type relay struct {
	address string // where hosts come
	process *exec.Cmd
}

// free finds addresses of this machine that nobody listens at.
func free(ctx context.Context, n int) ([]string, error) {
	var all []string
	for range n {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // when all are found, so that they are not the same
		all = append(all, l.Addr().String())
	}
	return all, nil
}

// figure prints one.
func (b *bench) figure(name string, value float64, unit string) {
	load, _ := os.ReadFile("/proc/loadavg")
	first, _, _ := strings.Cut(string(load), " ")
	at, _ := strconv.ParseFloat(first, 64)
	line, _ := json.Marshal(map[string]any{"figure": name, "value": value, "unit": unit, "hosts": b.hosts, "nics": b.nics, "relays": len(b.relays), "load": at})
	fmt.Println(string(line))
}

func (b *bench) run(ctx context.Context, binary string) error {
	dir, err := os.MkdirTemp("", "bench-hosts-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ports, err := free(ctx, 2+len(b.relays))
	if err != nil {
		return err
	}
	client, peers := "http://"+ports[0], "http://"+ports[1]
	b.etcd, err = start(ctx, dir, "etcd", "etcd", "--data-dir", filepath.Join(dir, "etcd"), "--listen-client-urls", client, "--advertise-client-urls", client,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers)
	if err != nil {
		return err
	}
	defer end(b.etcd)
	if b.api, err = store.Open(ctx, store.Config{Endpoints: []string{client}}); err != nil {
		return err
	}
	defer b.api.Close()
	if err := b.api.Sync(ctx); err != nil {
		return err
	}
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
		process, err := start(ctx, dir, fmt.Sprintf("relay-%d", i), binary, "relay", "--etcd", client, "--hosts-listen", address, "--tokens", file, "--log-level", "warn")
		if err != nil {
			return err
		}
		defer end(process)
		b.relays[i] = relay{address, process}
	}
	return b.measure(ctx)
}

// start starts a program whose output goes to a file of that name.
func start(ctx context.Context, dir, name string, args ...string) (*exec.Cmd, error) {
	out, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, cmd.Start()
}

func end(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

func account(host int) string { return fmt.Sprintf("tenant-%d", host) }

// populate makes an account for each host, with its NICs in one group, and a baseline.
func (b *bench) populate(ctx context.Context) error {
	for h := range b.hosts {
		id := account(h)
		network := &secgroup.Network{ID: "net-" + id, Type: secgroup.NetworkVPC, VPC: id}
		network.Normalize()
		all := []secgroup.Change{
			secgroup.Put(&secgroup.Account{ID: id, EgressPolicyDefault: secgroup.EgressAuto, EgressOpenGuard: secgroup.GuardAllow}), secgroup.Put(network), b.group(h, 1),
		}
		for n := range b.nics {
			all = append(all, secgroup.Put(&secgroup.NIC{
				ID: nic(h, n), Account: id, Network: network.ID, MAC: secgroup.MAC{2, 0, byte(h >> 8), byte(h), 0, byte(n)},
				Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + n)})}, Enforcement: secgroup.EnforcementOn,
			}))
		}
		if _, err := b.write(ctx, all...); err != nil {
			return err
		}
	}
	return nil
}

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

func (b *bench) write(ctx context.Context, changes ...secgroup.Change) (int64, error) {
	return b.api.Update(ctx, func(*secgroup.Snapshot) ([]secgroup.Change, error) { return changes, nil })
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
	rev, err := b.write(ctx, b.group(0, 2))
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
	b.figure("hosts_start_all", time.Since(begun).Seconds(), "s")
	one := func(i int) (int64, []string, error) {
		rev, err := b.write(ctx, b.group(0, uint16(100+i)))
		return rev, []string{"host-0"}, err
	}
	all := func(i int) (int64, []string, error) {
		rev, err := b.write(ctx, secgroup.Put(&secgroup.Baseline{Addresses: []secgroup.BaselineAddress{{Address: netip.AddrFrom4([4]byte{169, 254, 169, 254}), Protocol: secgroup.ProtocolTCP, Port: uint16(100 + i)}}}))
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
	most := 0.0
	for _, r := range b.relays {
		most = max(most, rss(r.process))
	}
	b.figure("relay_rss", most, "MB")
	b.figure("etcd_rss", rss(b.etcd), "MB")
	return nil
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
	etcd, relays := cpu(b.etcd), b.relayCPU()
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
	b.figure("change_"+name+"_answer_p50", ms(answered, 50), "ms")
	b.figure("change_"+name+"_applied_p50", ms(applied, 50), "ms")
	b.figure("change_"+name+"_applied_p99", ms(applied, 99), "ms")
	b.figure("etcd_writes_per_change_"+name, float64(last-first)/float64(b.reps-1), "writes")
	b.figure("etcd_cpu_per_change_"+name, 1000*(cpu(b.etcd)-etcd)/float64(b.reps), "ms")
	b.figure("relay_cpu_per_change_"+name, 1000*(b.relayCPU()-relays)/float64(b.reps), "ms")
	return nil
}

// relayCPU is the processor time of all relays, in seconds.
func (b *bench) relayCPU() (all float64) {
	for _, r := range b.relays {
		all += cpu(r.process)
	}
	return all
}

func ms(all []time.Duration, percent int) float64 {
	slices.Sort(all)
	return float64(all[min(len(all)-1, len(all)*percent/100)].Microseconds()) / 1000
}

// cpu is the processor time of a process, in seconds; proc(5) has it in hundredths.
func cpu(cmd *exec.Cmd) float64 {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}

// rss is the memory of a process, in MB.
func rss(cmd *exec.Cmd) float64 {
	statm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", cmd.Process.Pid))
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseFloat(fields[1], 64)
	return pages * float64(os.Getpagesize()) / 1e6
}
