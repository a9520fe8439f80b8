package stack

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
)

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

// Controller is the process of a host's controller.
func (s *Stack) Controller(host string) *Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.controllers[host]
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

// policyFlags are those by which a host's controller gets the policy: through all
// relays, if there are any, with a token of the host's own and a file in which it keeps
// its share.
func (s *Stack) policyFlags(host string) ([]string, error) {
	if len(s.relays) == 0 {
		return []string{"--etcd=" + s.etcdURL}, nil
	}
	if err := s.Admit(host); err != nil {
		return nil, err
	}
	flags := []string{"--token-file=" + s.tokenFile(host), "--share-file=" + s.shareFile(host)}
	for _, r := range s.relays {
		flags = append(flags, "--relay="+r.addr)
	}
	return flags, nil
}

// Kept tells whether a host that goes through relays has kept the share that it
// enforces.
func (s *Stack) Kept(host string) bool {
	_, err := os.Stat(s.shareFile(host))
	_, ahead := os.Stat(s.shareFile(host) + ".ahead")
	return err == nil && errors.Is(ahead, fs.ErrNotExist)
}

func (s *Stack) shareFile(host string) string { return s.file("share-" + host) }
