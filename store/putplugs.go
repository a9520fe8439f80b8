package store

import (
	"cmp"
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/record"
)

// PlugsOf are plugs of a host that are to be told of, and those that are to be taken
// back, by their NICs.
type PlugsOf struct {
	Host  string
	Plugs []Plug
	Gone  []string
}

// PlugsWritten are plugs of a host as they stand, with their order, and what kept the
// others from being written: Err is nil if there are none.
type PlugsWritten struct {
	Plugs []Plug
	Err   error
}

// PutPlugs tells of plugs of a host, and takes others back, by their NICs. It
// returns the plugs as they stand, with their order, also with an error: those
// that were written before it. It is an ErrSeatTaken unless this process reports
// for the host, see PutHost.
func (s *Store) PutPlugs(ctx context.Context, host string, plugs []Plug, gone []string) (written []Plug, err error) {
	w := s.PutManyPlugs(ctx, []PlugsOf{{host, plugs, gone}})[0]
	return w.Plugs, w.Err
}

// PutManyPlugs is PutPlugs for several hosts, many in one transaction. It returns what
// became of each, in their order: one that is refused is no reason to refuse the others.
func (s *Store) PutManyPlugs(ctx context.Context, hosts []PlugsOf) []PlugsWritten {
	out := make([]PlugsWritten, len(hosts))
	var failed error
	for _, parcel := range plugParcels(hosts, s.link.Config.MaxTxnOps) {
		if failed == nil {
			failed = s.putParcel(ctx, hosts, parcel, out)
			continue
		}
		for _, part := range parcel { // etcd is away, and there is no use in waiting again
			out[part.host].Err = cmp.Or(out[part.host].Err, failed)
		}
	}
	return out
}

// plugPart is what one host has in one transaction.
type plugPart struct {
	host  int // of those that are told of
	plugs []Plug
	gone  []string
}

// plugsTogether bounds the plugs in one transaction, of some 150 bytes each.
const plugsTogether = 2000

// plugParcels divides what is to be written into transactions of at most limit
// operations. Each part is nested in one, and etcd counts it apart, see txn.arrange; but
// for those of a single host, see putEach. Two hosts with one NIC are never together: one
// revision would make both plugs equally new.
func plugParcels(hosts []PlugsOf, limit int) (all [][]plugPart) {
	parts := max(1, limit/2)
	each := max(1, limit-parts)
	var parcel []plugPart
	size, nics := 0, map[string]int{}
	cut := func() {
		if len(parcel) > 0 {
			all = append(all, parcel)
		}
		parcel, size = nil, 0
		clear(nics)
	}
	for i, h := range hosts {
		plugs, gone := h.Plugs, h.Gone
		for first := true; first || len(plugs)+len(gone) > 0; first = false {
			p := plugPart{host: i, plugs: plugs[:min(each, len(plugs))]}
			p.gone = gone[:min(each-len(p.plugs), len(gone))]
			plugs, gone = plugs[len(p.plugs):], gone[len(p.gone):]
			clash := len(hosts) == 1
			for _, one := range p.plugs {
				other, is := nics[one.NIC]
				clash = clash || is && other != i
			}
			if n := len(p.plugs) + len(p.gone); clash || len(parcel) == parts || size+n > plugsTogether {
				cut()
			}
			for _, one := range p.plugs {
				nics[one.NIC] = i
			}
			parcel = append(parcel, p)
			size += len(p.plugs) + len(p.gone)
		}
	}
	cut()
	return all
}

// putParcel makes one transaction, but for hosts of which an earlier one failed. What a
// host has in it is made if this process reports for the host. It returns what kept the
// whole from being made.
func (s *Store) putParcel(ctx context.Context, hosts []PlugsOf, parcel []plugPart, out []PlugsWritten) error {
	ctx, cancel := context.WithTimeout(ctx, s.link.Config.RequestTimeout)
	defer cancel()
	var writes []hostWrite
	var parts []plugPart
	for _, part := range parcel {
		if out[part.host].Err != nil {
			continue
		}
		host := hosts[part.host].Host
		ops, err := s.plugOps(host, part)
		if err != nil {
			out[part.host].Err = &OpError{Op: "put plugs", Err: err}
			continue
		}
		writes, parts = append(writes, hostWrite{host, ops}), append(parts, part)
	}
	if len(writes) == 0 {
		return nil
	}
	made, rev, err := s.putEach(ctx, writes)
	switch {
	case errors.Is(err, rpctypes.ErrPermissionDenied):
		err = &OpError{Op: "put plugs", Kind: ErrMayNotAsk, Err: err}
	case err != nil:
		err = s.link.Failed("put plugs", err)
	}
	for i, part := range parts {
		w := &out[part.host]
		switch {
		case err != nil:
			w.Err = err
		case !made[i]:
			w.Err = &OpError{Op: "put plugs", Kind: ErrSeatTaken}
		case w.Err == nil:
			for _, p := range part.plugs {
				p.Host = hosts[part.host].Host
				if p.Order == 0 {
					p.Order = rev
				}
				w.Plugs = append(w.Plugs, p)
			}
		}
	}
	return err
}

// plugOps are what a host has in one transaction.
func (s *Store) plugOps(host string, part plugPart) (ops []clientv3.Op, err error) {
	for _, p := range part.plugs {
		value, err := record.Marshal(record.PlugToRecord(p))
		if err != nil {
			return nil, err
		}
		ops = append(ops, clientv3.OpPut(s.link.Keys.Plug(host, p.NIC), value))
	}
	for _, nic := range part.gone {
		ops = append(ops, clientv3.OpDelete(s.link.Keys.Plug(host, nic)))
	}
	return ops, nil
}
