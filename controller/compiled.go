package controller

import (
	"sync"

	"github.com/ringfence/ringfence/ofrules"
	"github.com/ringfence/ringfence/span"
)

// compiled is what the engine has compiled. The engine alone changes it, and reads
// it as it likes; others read it in between.
type compiled struct {
	compiler *ofrules.Compiler

	mu     sync.RWMutex // held to change any of these; never while waiting
	uplink uint32       // that it was given last
}

func newCompiled() *compiled { return &compiled{compiler: ofrules.New()} }

// update compiles what changed, or all of the share if it is another one, while
// nobody else reads the compiler.
func (c *compiled) update(s *span.Share, h ofrules.Host, d span.Delta) ofrules.Delta {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.uplink = h.Uplink
	return c.compiler.Update(s, h, d)
}

// read lets fn read the compiler, which does not change meanwhile.
func (c *compiled) read(fn func(c *ofrules.Compiler, uplink uint32)) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	fn(c.compiler, c.uplink)
}
