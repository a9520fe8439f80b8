package stack

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// relay is one through which hosts go.
type relay struct {
	name    string
	addr    string
	process *Process
}

// addRelay starts one more relay.
func (s *Stack) addRelay() error {
	s.mu.Lock()
	r := &relay{name: fmt.Sprintf("relay-%d", len(s.relays)+1), addr: LoopbackAddresses(1)[0]}
	s.mu.Unlock()
	if err := s.startRelay(r); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.relays = append(s.relays, r)
	return nil
}

func (s *Stack) startRelay(r *relay) error {
	return s.run(&r.process, r.name, s.binary, "relay", "--etcd="+s.etcdURL, "--hosts-listen="+r.addr, "--tokens="+s.file("tokens.json"))
}

// RestartRelay starts a relay after it was ended.
func (s *Stack) RestartRelay(i int) error {
	s.mu.Lock()
	r := s.relays[i]
	s.mu.Unlock()
	return s.startRelay(r)
}

// Relay is the process of a relay, of which the first is 0.
func (s *Stack) Relay(i int) *Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.relays[i].process
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

// Admit makes the token of a host, unless it has one. A relay that runs knows it within a
// second, and a controller that comes before that waits for ten: so hosts are admitted
// before there are relays.
func (s *Stack) Admit(host string) error {
	file := s.tokenFile(host)
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	secret := rand.Text()
	return errors.Join(os.WriteFile(file, []byte(secret), 0o600), s.permit(secret, token{Role: "host", Host: host, Name: host}))
}

func (s *Stack) tokenFile(host string) string { return s.file("host-" + host + ".token") }

func (s *Stack) shareFile(host string) string { return s.file("share-" + host) }

// Kept tells whether a host that goes through relays has kept the share that it
// enforces.
func (s *Stack) Kept(host string) bool {
	_, err := os.Stat(s.shareFile(host))
	_, ahead := os.Stat(s.shareFile(host) + ".ahead")
	return err == nil && errors.Is(ahead, fs.ErrNotExist)
}
