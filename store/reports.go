package store

import "context"

// PutHost writes what a host reports about itself, replacing what it said
// before. The host is h.Host, 1-64 characters without a slash. It is an
// ErrSeatTaken if another instance reports under that name.
func (s *Store) PutHost(ctx context.Context, h HostStatus) error { return s.reports.PutHost(ctx, h) }

// PutHosts writes reports of hosts whose names this process has, see PutHost, many in
// one transaction. It returns those whose names it has not any more: their reports
// are not written. A host that leaves gives its name up.
func (s *Store) PutHosts(ctx context.Context, hosts []HostStatus, leave bool) (lost []string, err error) {
	return s.reports.PutHosts(ctx, hosts, leave)
}

// SeatFree tells whether nobody has the name of a host.
func (s *Store) SeatFree(ctx context.Context, host string) (bool, error) {
	return s.reports.IsFree(ctx, host)
}

// PutRelay writes how the hosts stand that have their stream at a relay. It lasts as
// long as this process does.
func (s *Store) PutRelay(ctx context.Context, r RelayStanding) error {
	return s.reports.PutRelay(ctx, r)
}

// PutPlugs tells of plugs of a host, and takes others back, by their NICs. It
// returns the plugs as they stand, with their order, also with an error: those
// that were written before it. It is an ErrSeatTaken unless this process reports
// for the host, see PutHost.
func (s *Store) PutPlugs(ctx context.Context, host string, plugs []Plug, gone []string) (written []Plug, err error) {
	w := s.PutManyPlugs(ctx, []PlugsOf{{Host: host, Plugs: plugs, Gone: gone}})[0]
	return w.Plugs, w.Err
}

// PutManyPlugs is PutPlugs for several hosts, many in one transaction. It returns what
// became of each, in their order: one that is refused is no reason to refuse the others.
func (s *Store) PutManyPlugs(ctx context.Context, hosts []PlugsOf) []PlugsWritten {
	return s.reports.PutPlugs(ctx, hosts)
}
