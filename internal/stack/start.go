package stack

import (
	"context"
	"errors"
	"os"

	"github.com/ringfence/ringfence/client"
)

// Start starts everything and returns when the API is ready and has heard of
// each host. The hosts follow the policy through relays, or from the store if
// there are none. The binary is that of cmd/ringfence.
func Start(ctx context.Context, binary string, relays int, hosts ...Host) (*Stack, error) {
	s, err := StartAPI(ctx, binary)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(hosts))
	for i, h := range hosts {
		names[i] = h.Name
	}
	if err := s.StartRelays(relays, names...); err != nil {
		return nil, errors.Join(err, s.Close())
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
