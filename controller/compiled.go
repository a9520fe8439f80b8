package controller

import (
	"sync"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/span"
)

// compiled is the compiler with the desired flows. Only the engine's goroutine changes
// it, and reads it without a lock; others read it by read.
type compiled struct {
	compiler *ofrules.Compiler

	mu     sync.RWMutex // held to change any of these; never while waiting
	uplink uint32       // ofport of the last update
}

func newCompiled() *compiled { return &compiled{compiler: ofrules.New()} }

// update compiles what changed, or the whole share if d is full. It holds the lock
// meanwhile, so that nobody reads a half-changed compiler.
func (c *compiled) update(s *span.Share, h ofrules.Host, d span.Delta) ofrules.Delta {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uplink = h.Uplink
	return c.compiler.Update(s, h, d)
}

// read calls fn with the compiler, which does not change until fn returns.
func (c *compiled) read(fn func(c *ofrules.Compiler, uplink uint32)) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	fn(c.compiler, c.uplink)
}
