// Package stack runs Ringfence as it is run in production: an etcd-server, a
// `ringfence api`, maybe some `ringfence relay` and, for each host, a `ringfence
// controller`, each a process of its own that can be killed and started again.
package stack

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/ringfence/ringfence/client"
)

// EtcdServer is the program that holds the store.
const EtcdServer = "etcd"

// Stack is a running control plane.
type Stack struct {
	URL    string         // of the API
	Token  string         // an admin's
	Client *client.Client // with that token

	binary   string
	dir      string
	etcdURL  string
	etcdPeer string
	listen   string

	mu          sync.Mutex
	etcd        *Process
	api         *Process
	hosts       map[string]Host
	controllers map[string]*Process
	beside      []*Process // other APIs
	relays      []*relay   // through which hosts go; none: to the store
	tokens      []token
}

// Host is a hypervisor that a controller looks after.
type Host struct {
	Name   string
	OVSDB  string // the database's address: "unix:PATH"
	Bridge string
	Uplink string   // empty: none
	Flags  []string // more of the controller's
	Binary string   // of another version; empty: that of the stack
}

// Start starts everything and returns when the API is ready and has heard of
// each host. The hosts follow the policy through relays, or from the store if
// there are none. The binary is that of cmd/ringfence.
func Start(ctx context.Context, binary string, relays int, hosts ...Host) (*Stack, error) {
	s, err := StartAPI(ctx, binary)
	if err != nil {
		return nil, err
	}
	if relays > 0 { // an API of before there were any refuses a file that has tokens of hosts
		for _, h := range hosts {
			if err := s.Admit(h.Name); err != nil {
				return nil, errors.Join(err, s.Close())
			}
		}
	}
	for range relays {
		if err := s.addRelay(); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	for _, h := range hosts {
		if err := s.StartController(h); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	for _, h := range hosts {
		if err := s.awaitHost(ctx, h.Name); err != nil {
			return nil, errors.Join(err, errors.New(s.Logs()), s.Close())
		}
	}
	return s, nil
}

// StartAPI starts the store and the API, without controllers.
func StartAPI(ctx context.Context, binary string) (*Stack, error) {
	dir, err := os.MkdirTemp("", "rfstack")
	if err != nil {
		return nil, err
	}
	s := &Stack{binary: binary, dir: dir, hosts: map[string]Host{}, controllers: map[string]*Process{}}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, errors.New(s.Logs()), s.Close())
	}
	return s, nil
}

func (s *Stack) start(ctx context.Context) error {
	addrs := LoopbackAddresses(3)
	s.etcdURL, s.etcdPeer, s.listen = "http://"+addrs[0], "http://"+addrs[1], addrs[2]
	s.URL = "http://" + s.listen
	if err := s.writeToken(); err != nil {
		return err
	}
	var err error
	if s.Client, err = client.New(s.URL, s.Token); err != nil {
		return err
	}
	if err := s.StartEtcd(); err != nil {
		return err
	}
	if err := s.RestartAPI(); err != nil {
		return err
	}
	return s.AwaitAPI(ctx)
}

// awaitHost returns when the API has heard of a host.
func (s *Stack) awaitHost(ctx context.Context, name string) error {
	return s.await(ctx, "host "+name, func() error {
		host, err := s.Client.Host(ctx, name)
		if err == nil && !host.Alive {
			err = errors.New("it is not alive")
		}
		return err
	})
}

// token is an entry of the file of tokens.
type token struct {
	Hash    string `json:"token_sha256"`
	Account string `json:"account,omitempty"`
	Role    string `json:"role"`
	Host    string `json:"host,omitempty"`
	Name    string `json:"name"`
}

// writeToken makes the admin's token and the file that holds its hash.
func (s *Stack) writeToken() error {
	s.Token = rand.Text()
	return s.permit(s.Token, token{Account: "*", Role: "admin", Name: "e2e"})
}

// permit has a secret be good for something from now on.
func (s *Stack) permit(secret string, t token) error {
	sum := sha256.Sum256([]byte(secret))
	t.Hash = hex.EncodeToString(sum[:])
	s.tokens = append(s.tokens, t)
	b, err := json.Marshal(s.tokens)
	if err != nil {
		return err
	}
	next := s.file("tokens.json.new")
	if err := os.WriteFile(next, b, 0o600); err != nil {
		return err
	}
	return os.Rename(next, s.file("tokens.json"))
}

func (s *Stack) file(name string) string { return filepath.Join(s.dir, name) }

// StartEtcd starts the store, on the data it had.
func (s *Stack) StartEtcd() error {
	return s.run(&s.etcd, "etcd", EtcdServer,
		"--name=e2e", "--data-dir="+s.file("etcd"), "--log-level=warn", "--unsafe-no-fsync",
		"--listen-client-urls="+s.etcdURL, "--advertise-client-urls="+s.etcdURL,
		"--listen-peer-urls="+s.etcdPeer, "--initial-advertise-peer-urls="+s.etcdPeer,
		"--initial-cluster=e2e="+s.etcdPeer)
}

// Use has the API and the controllers that are started from now on be of
// another version.
func (s *Stack) Use(binary string) { s.binary = binary }

// RestartAPI starts the API after it was ended.
func (s *Stack) RestartAPI() error {
	return s.run(&s.api, "api", s.binary, "api",
		"--etcd="+s.etcdURL, "--listen="+s.listen, "--tokens="+s.file("tokens.json"))
}

// StartBeside starts another API on the same store, of another version, and
// returns when it is ready.
func (s *Stack) StartBeside(ctx context.Context, binary string) (*Process, *client.Client, error) {
	listen := LoopbackAddresses(1)[0]
	var p *Process
	if err := s.run(&p, fmt.Sprintf("api-%d", len(s.beside)+2), binary, "api",
		"--etcd="+s.etcdURL, "--listen="+listen, "--tokens="+s.file("tokens.json")); err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	s.beside = append(s.beside, p)
	s.mu.Unlock()
	c, err := client.New("http://"+listen, s.Token)
	if err != nil {
		return nil, nil, err
	}
	return p, c, s.await(ctx, "the other API", func() error { return c.Ready(ctx) })
}

// StartController starts a host's controller.
func (s *Stack) StartController(h Host) error {
	var p *Process
	args := []string{"controller", "--ovsdb=" + h.OVSDB, "--bridge=" + h.Bridge, "--host=" + h.Name}
	policy, err := s.policyFlags(h.Name)
	if err != nil {
		return err
	}
	args = append(args, policy...)
	if h.Uplink != "" {
		args = append(args, "--uplink="+h.Uplink)
	}
	args = append(args, h.Flags...)
	err = s.run(&p, "controller-"+h.Name, cmp.Or(h.Binary, s.binary), args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.hosts[h.Name], s.controllers[h.Name] = h, p
	}
	return err
}

// RestartController starts a host's controller after it was ended.
func (s *Stack) RestartController(host string) error {
	s.mu.Lock()
	h := s.hosts[host]
	s.mu.Unlock()
	return s.StartController(h)
}

func (s *Stack) run(slot **Process, name, program string, args ...string) error {
	p, err := StartProcess(name, s.file(name+".log"), program, args...)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	*slot = p
	return nil
}

// Etcd is the store's process.
func (s *Stack) Etcd() *Process { s.mu.Lock(); defer s.mu.Unlock(); return s.etcd }

// EtcdURL is where the store listens.
func (s *Stack) EtcdURL() string { return s.etcdURL }

// API is the API's process.
func (s *Stack) API() *Process { s.mu.Lock(); defer s.mu.Unlock(); return s.api }

// Controller is the process of a host's controller.
func (s *Stack) Controller(host string) *Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.controllers[host]
}

// AwaitAPI returns when the API is ready.
func (s *Stack) AwaitAPI(ctx context.Context) error {
	return s.await(ctx, "the API", func() error { return s.Client.Ready(ctx) })
}

// await tries until there is no error, and gives up early when a process of
// the stack has ended.
func (s *Stack) await(ctx context.Context, what string, try func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		for _, p := range s.processes() {
			if !p.Running() {
				return fmt.Errorf("waiting for %s: %s has ended (%s)", what, p.Name, p.cmd.ProcessState)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, err)
		case <-tick.C:
		}
	}
}

// processes are those started, clients of others first.
func (s *Stack) processes() []*Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ps []*Process
	for _, p := range s.controllers {
		ps = append(ps, p)
	}
	ps = append(ps, s.beside...)
	for _, r := range s.relays {
		ps = append(ps, r.process)
	}
	for _, p := range []*Process{s.api, s.etcd} {
		if p != nil {
			ps = append(ps, p)
		}
	}
	return ps
}

// Logs is the end of what each process has written.
func (s *Stack) Logs() string {
	const most = 6000
	text := ""
	for _, p := range s.processes() {
		log := p.Log()
		text += fmt.Sprintf("--- %s\n%s\n", p.Name, log[max(0, len(log)-most):])
	}
	return text
}

// Close ends every process and removes their files. A process that does not
// end in order is an error.
func (s *Stack) Close() error {
	var errs []error
	for _, p := range s.processes() {
		errs = append(errs, p.Stop())
	}
	if s.Client != nil {
		s.Client.Close()
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// LoopbackAddresses are n addresses, "host:port", to listen at that nobody else has: on one of
// the 16 million loopback addresses.
func LoopbackAddresses(n int) []string {
	host := net.IPv4(127, byte(1+mathrand.IntN(250)), byte(mathrand.IntN(256)), byte(1+mathrand.IntN(250)))
	var addrs []string
	for i := range n {
		addrs = append(addrs, net.JoinHostPort(host.String(), fmt.Sprint(15001+i)))
	}
	return addrs
}
