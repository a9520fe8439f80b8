package reporting

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/ringfence/ringfence/store/internal/record"
)

// ErrSeatTaken says that another instance reports under a host's name. What a
// host has applied is known of one machine alone, so the second one is refused
// until the first has been silent for some seconds.
var ErrSeatTaken = errors.New("another machine reports under this host's name")

// SeatError is the cause of an ErrSeatTaken.
type SeatError struct {
	Host   string
	Holder record.ClusterMember
}

func (e *SeatError) Error() string {
	return fmt.Sprintf("host %s is %s (instance %s, since %s)", e.Host, e.Holder.Machine, e.Holder.Instance, e.Holder.Since.Format(time.RFC3339))
}

// seat is the seat of one host, as this process would have it. In etcd it is a key that
// goes with the lease of whoever has it.
type seat struct {
	mu     sync.Mutex
	lease  clientv3.LeaseID // with which this process wrote it last
	value  string           // as this process writes it
	denied atomic.Bool      // another machine has it
}

// isHeld is the condition that the seat is as this process wrote it. The caller holds mu.
func (s *seat) isHeld(key string) []clientv3.Cmp {
	return []clientv3.Cmp{clientv3.Compare(clientv3.Value(key), "=", s.value), clientv3.Compare(clientv3.LeaseValue(key), "=", s.lease)}
}

// heldByOther tells whether a seat is another instance's. One that cannot be
// read is.
func heldByOther(kv *mvccpb.KeyValue, instance string) (record.ClusterMember, bool) {
	if kv == nil {
		return record.ClusterMember{}, false
	}
	var r record.MemberRecord
	if err := json.Unmarshal(kv.Value, &r); err != nil {
		return record.ClusterMember{Machine: string(kv.Value)}, true
	}
	return r.Member(record.MemberHost, ""), r.Instance != instance
}
