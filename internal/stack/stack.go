// Package stack runs Ringfence as it is run in production: an etcd-server, a
// `ringfence api`, maybe some `ringfence relay` and, for each host, a `ringfence
// controller`, each a process of its own that can be killed and started again.
package stack

import (
	"context"
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

func (s *Stack) file(name string) string { return filepath.Join(s.dir, name) }

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

// relay is one through which hosts go.
type relay struct {
	name    string
	addr    string
	process *Process
}

// token is an entry of the file of tokens.
type token struct {
	Hash    string `json:"token_sha256"`
	Account string `json:"account,omitempty"`
	Role    string `json:"role"`
	Host    string `json:"host,omitempty"`
	Name    string `json:"name"`
}
