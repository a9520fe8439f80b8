package record

import (
	"cmp"
	"fmt"
	"strings"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

// Plug is a NIC plugged at a host, as that host tells the other hosts. It lasts
// until the host takes it back, or is forgotten.
type Plug struct {
	Host string
	NIC  string
	// Row is the interface by which it is plugged. Another one is another plug.
	Row string
	// Order says which of two plugs of a NIC is the newer one: the higher. It is
	// the etcd revision at which the host told of the plug first, or, where the
	// store lost that because it was restored from a backup, what it had been.
	// So it rests on no host's clock. 0 is for PutPlugs to set.
	Order int64
	// Restored says that the plug was told of before, and that the store had
	// lost it.
	Restored bool
	// Ready says that the NIC has been served there.
	Ready bool
}

// NewerThan reports whether p is the newer one of two plugs of a NIC.
func (p Plug) NewerThan(q Plug) bool {
	return cmp.Or(cmp.Compare(p.Order, q.Order), strings.Compare(p.Host, q.Host)) > 0
}

type plugRecord struct {
	Header
	Row      string `json:"row,omitempty"`
	Order    int64  `json:"order,omitempty"` // 0: the revision that wrote it
	Restored bool   `json:"restored,omitempty"`
	Ready    bool   `json:"ready,omitempty"`
}

// PlugToRecord makes the value of a plug.
func PlugToRecord(p Plug) plugRecord {
	return plugRecord{Current, p.Row, p.Order, p.Restored, p.Ready}
}

// DecodePlug reads a plug, but for the value of one that is gone.
func (l Layout) DecodePlug(kv *mvccpb.KeyValue) (Plug, error) {
	host, nic, ok := strings.Cut(strings.TrimPrefix(string(kv.Key), l.Plugs()), "/")
	if !ok || host == "" || nic == "" {
		return Plug{}, &Error{Key: string(kv.Key), Err: fmt.Errorf("names no host and NIC")}
	}
	p := Plug{Host: host, NIC: nic}
	if len(kv.Value) == 0 {
		return p, nil
	}
	var r plugRecord
	if err := Unmarshal(kv.Value, &r); err != nil {
		return Plug{}, &Error{Key: string(kv.Key), Err: err}
	}
	p.Row, p.Order, p.Restored, p.Ready = r.Row, cmp.Or(r.Order, kv.ModRevision), r.Restored, r.Ready
	return p, nil
}
