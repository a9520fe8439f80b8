package stack

import (
	"context"
	"fmt"

	"github.com/ringfence/ringfence/client"
)

// StartEtcd starts the store, on the data it had.
func (s *Stack) StartEtcd() error {
	return s.run(&s.etcd, "etcd", EtcdServer,
		"--name=e2e", "--data-dir="+s.file("etcd"), "--log-level=warn", "--unsafe-no-fsync",
		"--listen-client-urls="+s.etcdURL, "--advertise-client-urls="+s.etcdURL,
		"--listen-peer-urls="+s.etcdPeer, "--initial-advertise-peer-urls="+s.etcdPeer,
		"--initial-cluster=e2e="+s.etcdPeer)
}

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

// AwaitAPI returns when the API is ready.
func (s *Stack) AwaitAPI(ctx context.Context) error {
	return s.await(ctx, "the API", func() error { return s.Client.Ready(ctx) })
}

// Use has the API and the controllers that are started from now on be of
// another version.
func (s *Stack) Use(binary string) { s.binary = binary }

// Etcd is the store's process.
func (s *Stack) Etcd() *Process { s.mu.Lock(); defer s.mu.Unlock(); return s.etcd }

// EtcdURL is where the store listens.
func (s *Stack) EtcdURL() string { return s.etcdURL }

// API is the API's process.
func (s *Stack) API() *Process { s.mu.Lock(); defer s.mu.Unlock(); return s.api }
