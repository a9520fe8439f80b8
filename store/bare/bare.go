// Package bare writes to etcd what a store would, as to its size, and knows nothing of what it
// means: so it is the bound of what a store can reach. Benchmarks compare with it.
package bare

import (
	"context"
	"errors"
	"fmt"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// Writer is a connection to etcd, for many goroutines at once.
type Writer struct {
	client *clientv3.Client
	like   []int // bytes of the values of a transaction
}

// Open connects to an etcd, whose transactions are to have as many keys, with values as large, as
// the one that wrote a revision.
func Open(ctx context.Context, endpoint string, revision int64) (*Writer, error) {
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}})
	if err != nil {
		return nil, err
	}
	r, err := client.Get(ctx, "\x00", clientv3.WithFromKey(), clientv3.WithMinModRev(revision), clientv3.WithMaxModRev(revision))
	if err == nil && len(r.Kvs) == 0 {
		err = fmt.Errorf("nothing was written at revision %d", revision)
	}
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	w := &Writer{client: client}
	for _, kv := range r.Kvs {
		w.like = append(w.like, len(kv.Value))
	}
	return w, nil
}

// Like is how many keys a transaction writes, and the bytes of their values.
func (w *Writer) Like() (keys, bytes int) {
	for _, n := range w.like {
		bytes += n
	}
	return len(w.like), bytes
}

// Commit makes one transaction on keys of one caller's own. Each key has a condition, as a
// store's have.
func (w *Writer) Commit(ctx context.Context, caller int) error {
	var compares []clientv3.Cmp
	var puts []clientv3.Op
	for i, n := range w.like {
		key := fmt.Sprintf("%s%d", prefix(caller), i)
		compares = append(compares, clientv3.Compare(clientv3.ModRevision(key), ">", -1))
		puts = append(puts, clientv3.OpPut(key, strings.Repeat("x", n)))
	}
	r, err := w.client.Txn(ctx).If(compares...).Then(puts...).Commit()
	if err == nil && !r.Succeeded {
		err = errors.New("the conditions of a bare transaction do not hold")
	}
	return err
}

func prefix(caller int) string { return fmt.Sprintf("bare/%d/", caller) }

// Follow tells of each transaction of a caller that is made from now on, until ctx ends; then, and
// when etcd tells no more, what it returns is closed.
func (w *Writer) Follow(ctx context.Context, caller int) (<-chan struct{}, error) {
	r, err := w.client.Get(ctx, prefix(caller), clientv3.WithPrefix(), clientv3.WithCountOnly())
	if err != nil {
		return nil, err
	}
	made := make(chan struct{})
	changes := w.client.Watch(ctx, prefix(caller), clientv3.WithPrefix(), clientv3.WithRev(r.Header.Revision+1))
	go func() {
		defer close(made)
		for c := range changes {
			if c.Err() != nil {
				return
			}
			revision := int64(0)
			for _, e := range c.Events {
				if e.Kv.ModRevision == revision {
					continue
				}
				revision = e.Kv.ModRevision
				select {
				case made <- struct{}{}:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	return made, nil
}

// Close ends the connection.
func (w *Writer) Close() error { return w.client.Close() }
