package reporting

import (
	"context"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/record"
)

// PutHosts is Store.PutHosts.
func (r *Reporter) PutHosts(ctx context.Context, hosts []record.HostStatus, leave bool) (lost []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.link.Config.RequestTimeout)
	defer cancel()
	for len(hosts) > 0 {
		some := hosts[:r.together(hosts)]
		hosts = hosts[len(some):]
		not, err := r.putHosts(ctx, some, leave)
		if err != nil {
			return lost, r.link.Failed("put hosts", err)
		}
		lost = append(lost, not...)
	}
	return lost, nil
}

// nicsTogether bounds the NICs in the reports of one transaction, of some 100 bytes each.
const nicsTogether = 2000

// together is how many of some hosts are reported in one transaction.
func (r *Reporter) together(hosts []record.HostStatus) int {
	most := max(1, r.link.Config.MaxTxnOps/2) // a report is a transaction of its own, which etcd counts apart
	n, nics := 1, len(hosts[0].NICs)
	for n < min(most, len(hosts)) {
		if nics += len(hosts[n].NICs); nics > nicsTogether {
			break
		}
		n++
	}
	return n
}

// putHosts makes one transaction, and returns of whom nothing was written.
func (r *Reporter) putHosts(ctx context.Context, hosts []record.HostStatus, leave bool) (lost []string, err error) {
	writes := make([]hostWrite, len(hosts))
	for i, h := range hosts {
		report, err := r.reportOp(h)
		if err != nil {
			return nil, err
		}
		writes[i] = hostWrite{h.Host, []clientv3.Op{report}}
		if leave {
			writes[i].ops = append(writes[i].ops, clientv3.OpDelete(r.link.Keys.Seat(h.Host)))
		}
	}
	made, _, err := r.putEach(ctx, writes)
	for i, is := range made {
		if !is {
			lost = append(lost, hosts[i].Host)
		}
	}
	return lost, err
}

// hostWrite is what is written of one host.
type hostWrite struct {
	host string
	ops  []clientv3.Op
}

// putEach makes one transaction of what is to be written of several hosts, of each if
// this process reports for it. It returns of whom that was so, in their order. Of a
// single one nothing is nested: etcd looks only at the top at what a user may do, and
// who may not is to learn that.
func (r *Reporter) putEach(ctx context.Context, writes []hostWrite) (made []bool, rev int64, err error) {
	t := r.link.Client.Txn(ctx)
	if len(writes) == 1 {
		t = t.If(r.isSeated(writes[0].host)...).Then(writes[0].ops...)
	} else {
		all := make([]clientv3.Op, len(writes))
		for i, w := range writes {
			all[i] = clientv3.OpTxn(r.isSeated(w.host), w.ops, nil)
		}
		t = t.Then(all...)
	}
	done, err := t.Commit()
	if err != nil {
		return nil, 0, err
	}
	for i := range writes {
		made = append(made, done.Succeeded && (len(writes) == 1 || done.Responses[i].GetResponseTxn().Succeeded))
	}
	return made, done.Header.Revision, nil
}
