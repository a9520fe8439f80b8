package link

import (
	"context"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// etcd counts all keys that are left for each page, so few pages are
	// better than many; groups with thousands of rules want small ones.
	listPageMin   = int64(500)
	listPageMax   = int64(5_000)
	listPageBytes = 4 << 20
)

// list loads the sink with all keys at the revision of the first page. While the sink takes
// a page, etcd makes the next one.
func (f *Feed) list(ctx context.Context, client *clientv3.Client) error {
	var rev int64
	var last *mvccpb.KeyValue
	var head *clientv3.GetResponse
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := f.Sink.Load(func(yield func(*mvccpb.KeyValue) error) error {
		limit := listPageMin
		next := f.askPage(ctx, client, f.Prefix, limit, rev)
		for {
			got := <-next
			page, err := got.response, got.err
			if err != nil {
				return err
			}
			if rev == 0 {
				rev = page.Header.Revision
				if err := f.noteCluster(page.Header.ClusterId); err != nil {
					return err
				}
			}
			more := page.More && len(page.Kvs) > 0
			if more {
				limit = max(listPageMin, min(listPageMax, limit*listPageBytes/(valueBytes(page.Kvs)+1)))
				next = f.askPage(ctx, client, string(page.Kvs[len(page.Kvs)-1].Key)+"\x00", limit, rev)
			}
			for _, kv := range page.Kvs {
				if last == nil || f.later(kv, last) {
					last = kv
				}
				if err := yield(kv); err != nil {
					return err
				}
			}
			if !more {
				// Before the sink hands anything on: what it has then is what is watched from.
				head, err = f.headAt(ctx, client, rev)
				return err
			}
		}
	})
	if err != nil {
		return err
	}
	f.next, f.last = rev+1, witnessOf(last)
	f.see(head)
	return nil
}

// listPage is what etcd answers when it is asked for a page.
type listPage struct {
	response *clientv3.GetResponse
	err      error
}

// askPage asks for a page of the keys from one on, at a revision, 0 for the latest.
func (f *Feed) askPage(ctx context.Context, client *clientv3.Client, from string, limit, rev int64) <-chan listPage {
	answer := make(chan listPage, 1)
	go func() {
		ctx, cancel := context.WithTimeout(ctx, f.Config.RequestTimeout)
		defer cancel()
		page, err := client.Get(ctx, from, clientv3.WithRange(clientv3.GetPrefixRangeEnd(f.Prefix)), clientv3.WithLimit(limit), clientv3.WithRev(rev))
		answer <- listPage{page, err}
	}()
	return answer
}

// valueBytes is how long the values of some keys are together.
func valueBytes(kvs []*mvccpb.KeyValue) (n int64) {
	for _, kv := range kvs {
		n += int64(len(kv.Value))
	}
	return n
}

// headAt asks for the probed key as it was at a revision.
func (f *Feed) headAt(ctx context.Context, client *clientv3.Client, rev int64) (*clientv3.GetResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, f.Config.RequestTimeout)
	defer cancel()
	return client.Get(ctx, f.Probe, clientv3.WithRev(rev))
}
