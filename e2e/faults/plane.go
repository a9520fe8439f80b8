package faults

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/internal/halt"
	"github.com/ringfence/ringfence/internal/netns"
	"github.com/ringfence/ringfence/internal/stack"
)

// Plane is the control plane: three members of etcd, two APIs, a controller a host,
// and two relays if hosts go through these, each a process in a network namespace of its own, whose link to the
// others can be pulled.
type Plane struct {
	Dir     string // with everybody's files; logs are NAME.log
	Clients map[string]*client.Client

	binary string
	relays *Relays          // nil: hosts follow etcd
	net    *netns.Namespace // where the links meet
	sites  map[string]*seat

	mu    sync.Mutex
	procs map[string]*stack.Process
}

// seat is where a process sits.
type seat struct {
	name    string
	ns      *netns.Namespace
	address string
	program []string
	dir     string // of etcd
	logged  int64  // how long its log was when it was started last
}

// clientTimeout is how long a client of the API waits, beside what it asked
// the API to wait.
const clientTimeout = 4 * time.Second

// seatAddresses are who sits where.
var seatAddresses = map[string]string{
	"etcd1": "10.254.0.11", "etcd2": "10.254.0.12", "etcd3": "10.254.0.13",
	"api1": "10.254.0.21", "api2": "10.254.0.22",
	"controller-h1": "10.254.0.31", "controller-h2": "10.254.0.32",
	"relay1": "10.254.0.41", "relay2": "10.254.0.42",
}

// StartPlane starts everything. The binary is cmd/ringfence, and ovsdb says
// where each host's database is. With relays hosts go through these.
func StartPlane(ctx context.Context, dir, binary string, relays *Relays, ovsdb map[string]string, bridge, uplink string) (*Plane, error) {
	p := &Plane{Dir: dir, binary: binary, relays: relays, sites: map[string]*seat{}, procs: map[string]*stack.Process{}, Clients: map[string]*client.Client{}}
	if err := p.start(ctx, ovsdb, bridge, uplink); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Plane) start(ctx context.Context, ovsdb map[string]string, bridge, uplink string) error {
	if err := p.wire(); err != nil {
		return err
	}
	token, err := p.writeTokens()
	if err != nil {
		return err
	}
	var endpoints []string
	for _, name := range etcdNames {
		endpoints = append(endpoints, p.clientURL(name))
		p.sites[name].dir = filepath.Join(p.Dir, name)
		p.sites[name].program = p.etcdArgs(name)
	}
	for _, name := range etcdNames {
		if err := p.Start(name); err != nil {
			return err
		}
	}
	for _, name := range apiNames {
		listen := p.sites[name].address + ":8080"
		p.sites[name].program = []string{p.binary, "api", "--etcd=" + strings.Join(endpoints, ","), "--listen=" + listen, "--insecure-listen", "--tokens=" + filepath.Join(p.Dir, "tokens.json")}
		if p.Clients[name], err = client.New("http://"+listen, token, client.WithHTTPClient(p.httpClient()), client.WithTimeout(clientTimeout)); err != nil {
			return err
		}
		if err := p.Start(name); err != nil {
			return err
		}
	}
	if err := p.startRelays(endpoints); err != nil {
		return err
	}
	for host, db := range ovsdb {
		name := "controller-" + host
		p.sites[name].program = append([]string{p.binary, "controller", "--ovsdb=" + db, "--bridge=" + bridge, "--host=" + host, "--uplink=" + uplink}, p.policyFlags(host, endpoints)...)
		if err := p.Start(name); err != nil {
			return err
		}
	}
	for _, name := range apiNames {
		if err := p.await(ctx, name, func() error { return p.Clients[name].Ready(ctx) }); err != nil {
			return err
		}
	}
	return nil
}

// wire makes the namespaces and joins them by a bridge.
func (p *Plane) wire() (err error) {
	if p.net, err = netns.New("net"); err != nil {
		return err
	}
	if err := p.net.IP("link add br0 type bridge", "link set br0 up", "address add 10.254.0.1/24 dev br0"); err != nil {
		return err
	}
	for name, address := range seatAddresses {
		if p.relays == nil && slices.Contains(relayNames, name) {
			continue
		}
		ns, err := netns.New(name)
		if err != nil {
			return err
		}
		p.sites[name] = &seat{name: name, ns: ns, address: address}
		if err := p.net.IP(
			fmt.Sprintf("link add %s type veth peer name eth0 netns %s", linkOf(name), ns.Path()),
			fmt.Sprintf("link set %s master br0", linkOf(name)), fmt.Sprintf("link set %s up", linkOf(name))); err != nil {
			return err
		}
		if err := ns.IP(fmt.Sprintf("address add %s/24 dev eth0", address), "link set eth0 up"); err != nil {
			return err
		}
	}
	return nil
}

// linkOf is the name of a seat's link, of which the kernel takes 15 bytes.
func linkOf(name string) string { return strings.Replace(name, "controller", "ctl", 1) }

// Link joins a process to the others, or parts it from them: packets get lost.
func (p *Plane) Link(name string, up bool) error {
	state := map[bool]string{true: "up", false: "down"}[up]
	return p.net.IP("link set " + linkOf(name) + " " + state)
}

func (p *Plane) httpClient() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return netns.Open(p.net, func() (net.Conn, error) {
				return (&net.Dialer{Timeout: time.Second}).DialContext(ctx, network, address)
			})
		},
		MaxIdleConnsPerHost: 8,
	}}
}

// writeTokens makes the admin's token, those of the hosts, and the file that holds
// their hashes.
func (p *Plane) writeTokens() (admin string, err error) {
	var all []map[string]string
	permit := func(of map[string]string) (secret string) {
		secret = rand.Text()
		sum := sha256.Sum256([]byte(secret))
		of["token_sha256"] = hex.EncodeToString(sum[:])
		all = append(all, of)
		return secret
	}
	admin = permit(map[string]string{"account": "*", "role": "admin", "name": "faults"})
	for _, host := range hostNames {
		secret := permit(map[string]string{"role": "host", "host": host, "name": host})
		if err := os.WriteFile(p.hostToken(host), []byte(secret), 0o600); err != nil {
			return "", err
		}
	}
	b, err := json.Marshal(all)
	if err != nil {
		return "", err
	}
	return admin, os.WriteFile(filepath.Join(p.Dir, "tokens.json"), b, 0o600)
}

// Start starts a process where it sits.
func (p *Plane) Start(name string) error {
	if log, err := os.Stat(p.log(name)); err == nil {
		p.sites[name].logged = log.Size()
	}
	proc, err := p.Run(name, name, p.sites[name].program...)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.procs[name] = proc
	return nil
}

// Run starts a program at a seat.
func (p *Plane) Run(name, at string, program ...string) (*stack.Process, error) {
	args := append([]string{"--net=" + p.sites[at].ns.Path(), "--"}, program...)
	return stack.StartProcess(name, p.log(name), "nsenter", args...)
}

func (p *Plane) log(name string) string { return filepath.Join(p.Dir, name+".log") }

// Process is a running process, or one that has ended.
func (p *Plane) Process(name string) *stack.Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.procs[name]
}

// Ended lists the processes that do not run.
func (p *Plane) Ended() (names []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, proc := range p.procs {
		if !proc.Running() {
			names = append(names, name)
		}
	}
	return names
}

// Pause has a process do nothing from here on.
func (p *Plane) Pause(name string) error { return halt.Stop(p.Process(name).PID()) }

// Resume lets a paused process go on.
func (p *Plane) Resume(name string) error { return halt.Continue(p.Process(name).PID()) }

// await tries until there is no error. When the time is over, it tells the last
// error that was not about the time itself.
func (p *Plane) await(ctx context.Context, what string, try func() error) error {
	var last error
	for {
		err := try()
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		if sleep(ctx, 20*time.Millisecond) != nil {
			return fmt.Errorf("waiting for %s: %w", what, last)
		}
	}
}

// Close ends every process.
func (p *Plane) Close() error {
	var errs []error
	var wg sync.WaitGroup
	var mu sync.Mutex
	for _, group := range [][]string{append(controllerNames(), apiNames...), relayNames, etcdNames} {
		for _, name := range group {
			proc := p.Process(name)
			if proc == nil {
				continue
			}
			wg.Go(func() {
				err := proc.Stop()
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
			})
		}
		wg.Wait()
	}
	for _, c := range p.Clients {
		c.Close()
	}
	for _, s := range p.sites {
		errs = append(errs, s.ns.Close())
	}
	if p.net != nil {
		errs = append(errs, p.net.Close())
	}
	return errors.Join(errs...)
}
