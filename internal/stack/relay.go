package stack

import (
	"fmt"
)

// StartRelays starts so many relays more, which know hosts of these names from the start:
// what a running relay does not know yet is refused at first.
func (s *Stack) StartRelays(relays int, hosts ...string) error {
	if relays == 0 { // an API of before there were any refuses a file that has tokens of hosts
		return nil
	}
	for _, h := range hosts {
		if err := s.Admit(h); err != nil {
			return err
		}
	}
	for range relays {
		if err := s.addRelay(); err != nil {
			return err
		}
	}
	return nil
}

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
