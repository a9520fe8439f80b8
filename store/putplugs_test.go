package store

import (
	"errors"
	"fmt"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// TestManyHostsInOneTransaction: plugs and reports of many hosts are a few writes of
// etcd. A host whose name this process has not hinders no other, and of one NIC at two
// hosts one plug is the newer one.
func TestManyHostsInOneTransaction(t *testing.T) {
	withEtcd(t, func(t *testing.T, e testEtcd) {
		s, other := open(t, e.config()), open(t, e.config())
		ctx := within(t, time.Minute)
		const hosts, nics = 150, 20
		var reports []HostStatus
		var told []PlugsOf
		for h := range hosts {
			name := fmt.Sprintf("h%03d", h)
			one := HostStatus{Host: name, Instance: name, Relay: "r"}
			plugs := PlugsOf{Host: name}
			for n := range nics {
				one.NICs = append(one.NICs, HostNIC{ID: fmt.Sprintf("%s-%d", name, n)})
				plugs.Plugs = append(plugs.Plugs, Plug{NIC: one.NICs[n].ID, Row: "r"})
			}
			from := s
			if h == 7 {
				from = other
			}
			if err := from.PutHost(ctx, HostStatus{Host: name, Instance: name}); err != nil {
				t.Fatal(err)
			}
			reports, told = append(reports, one), append(told, plugs)
		}
		told[3].Plugs = append(told[3].Plugs, Plug{NIC: "moved", Row: "a"})
		told[4].Plugs = append(told[4].Plugs, Plug{NIC: "moved", Row: "b"})
		for i := range 300 { // more than a transaction takes of one host
			told[9].Plugs = append(told[9].Plugs, Plug{NIC: fmt.Sprintf("many-%d", i), Row: "r"})
		}
		at := func() int64 {
			t.Helper()
			r, err := s.link.Client.Get(ctx, "revision")
			if err != nil {
				t.Fatal(err)
			}
			return r.Header.Revision
		}
		before := at()
		written := s.PutManyPlugs(ctx, told)
		if n := at() - before; n > 6 {
			t.Errorf("plugs of %d hosts are %d writes", hosts, n)
		}
		plugs := 0
		for i, w := range written {
			switch {
			case i == 7:
				if !errors.Is(w.Err, ErrSeatTaken) || len(w.Plugs) > 0 {
					t.Errorf("of a host that another process reports for: %+v, %v", w.Plugs, w.Err)
				}
				continue
			case w.Err != nil || len(w.Plugs) != len(told[i].Plugs):
				t.Errorf("host %d: %d of %d plugs are written: %v", i, len(w.Plugs), len(told[i].Plugs), w.Err)
			}
			plugs += len(w.Plugs)
			for _, p := range w.Plugs {
				if p.Host != told[i].Host || p.Order <= before {
					t.Errorf("host %d: %+v", i, p)
				}
			}
		}
		if a, b := written[3].Plugs[nics], written[4].Plugs[nics]; a.NIC != "moved" || b.NIC != "moved" || a.Order == b.Order {
			t.Errorf("a NIC at two hosts: %+v and %+v are equally new", a, b)
		}
		r, err := s.link.Client.Get(ctx, s.link.Keys.Plugs(), clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err != nil {
			t.Fatal(err)
		}
		if r.Count != int64(plugs) {
			t.Errorf("etcd has %d plugs, want %d", r.Count, plugs)
		}

		before = at()
		lost, err := s.PutHosts(ctx, reports, false)
		if n := at() - before; err != nil || n > 4 || len(lost) != 1 || lost[0] != "h007" {
			t.Errorf("reports of %d hosts are %d writes, lost %v: %v", hosts, n, lost, err)
		}
	})
}
