package reporting

import (
	"cmp"
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/link"
	"github.com/ringfence/ringfence/store/internal/record"
)

// PlugsOf are plugs of a host that are to be told of, and those that are to be taken
// back, by their NICs.
type PlugsOf struct {
	Host  string
	Plugs []record.Plug
	Gone  []string
}

// PlugsWritten are plugs of a host as they stand, with their order, and what kept the
// others from being written: Err is nil if there are none.
type PlugsWritten struct {
	Plugs []record.Plug
	Err   error
}

// PutPlugs is Store.PutManyPlugs.
func (r *Reporter) PutPlugs(ctx context.Context, hosts []PlugsOf) []PlugsWritten {
	out := make([]PlugsWritten, len(hosts))
	var failed error
	for _, parcel := range plugParcels(hosts, r.link.Config.MaxTxnOps) {
		if failed == nil {
			failed = r.putParcel(ctx, hosts, parcel, out)
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
	plugs []record.Plug
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
func (r *Reporter) putParcel(ctx context.Context, hosts []PlugsOf, parcel []plugPart, out []PlugsWritten) error {
	ctx, cancel := context.WithTimeout(ctx, r.link.Config.RequestTimeout)
	defer cancel()
	var writes []hostWrite
	var parts []plugPart
	for _, part := range parcel {
		if out[part.host].Err != nil {
			continue
		}
		host := hosts[part.host].Host
		ops, err := r.plugOps(host, part)
		if err != nil {
			out[part.host].Err = &link.OpError{Op: "put plugs", Err: err}
			continue
		}
		writes, parts = append(writes, hostWrite{host, ops}), append(parts, part)
	}
	if len(writes) == 0 {
		return nil
	}
	made, rev, err := r.putEach(ctx, writes)
	switch {
	case errors.Is(err, rpctypes.ErrPermissionDenied):
		err = &link.OpError{Op: "put plugs", Kind: link.ErrMayNotAsk, Err: err}
	case err != nil:
		err = r.link.Failed("put plugs", err)
	}
	for i, part := range parts {
		w := &out[part.host]
		switch {
		case err != nil:
			w.Err = err
		case !made[i]:
			w.Err = &link.OpError{Op: "put plugs", Kind: ErrSeatTaken}
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
func (r *Reporter) plugOps(host string, part plugPart) (ops []clientv3.Op, err error) {
	for _, p := range part.plugs {
		value, err := record.Marshal(record.PlugToRecord(p))
		if err != nil {
			return nil, err
		}
		ops = append(ops, clientv3.OpPut(r.link.Keys.Plug(host, p.NIC), value))
	}
	for _, nic := range part.gone {
		ops = append(ops, clientv3.OpDelete(r.link.Keys.Plug(host, nic)))
	}
	return ops, nil
}
