package ofconn

import (
	"context"
	"sync"
)

// call is a request that waits for its answers: every message that carries one
// of its transaction ids. It takes in as much as comes, so that the reader never
// waits for whoever made the request.
type call struct {
	first, last uint32 // transaction ids

	mu    sync.Mutex
	queue [][]byte
	wake  chan struct{} // holds a token when queue may have grown
}

func (k *call) push(msg []byte) {
	k.mu.Lock()
	k.queue = append(k.queue, msg)
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *call) pop() []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.queue) == 0 {
		return nil
	}
	msg := k.queue[0]
	k.queue[0] = nil
	k.queue = k.queue[1:]
	return msg
}

// call registers n transaction ids in a row. The caller calls hangUp at the end.
func (c *Conn) call(n int) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lastXID > ^uint32(0)-uint32(n) {
		c.lastXID = 0 // 0 marks what the switch sends of its own accord
	}
	k := &call{first: c.lastXID + 1, last: c.lastXID + uint32(n), wake: make(chan struct{}, 1)}
	c.lastXID = k.last
	c.calls = append(c.calls, k)
	return k
}

func (c *Conn) hangUp(k *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, other := range c.calls {
		if other == k {
			c.calls[i] = c.calls[len(c.calls)-1]
			c.calls = c.calls[:len(c.calls)-1]
			return
		}
	}
}

// answered gives a message to the call that waits for it.
func (c *Conn) answered(xid uint32, msg []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.calls {
		if xid >= k.first && xid <= k.last {
			k.push(msg)
			return true
		}
	}
	return false
}

// next waits for the next answer.
func (c *Conn) next(ctx context.Context, k *call) ([]byte, error) {
	for {
		if msg := k.pop(); msg != nil {
			return msg, nil
		}
		select {
		case <-k.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.done:
			if msg := k.pop(); msg != nil {
				return msg, nil
			}
			return nil, c.Err()
		}
	}
}
