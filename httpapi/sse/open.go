package sse

import "sync"

// maxOpen is how many streams one account may have open.
const maxOpen = 64

// Open counts the streams that accounts have open. The zero value counts none.
type Open struct {
	mu   sync.Mutex
	open map[string]int
}

// Enter counts one more stream of an account, until Leave. It is false, and nothing
// is counted, if the account has as many as it may.
func (o *Open) Enter(account string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open[account] >= maxOpen {
		return false
	}
	if o.open == nil {
		o.open = map[string]int{}
	}
	o.open[account]++
	return true
}

// Leave counts one stream of an account less.
func (o *Open) Leave(account string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open[account]--; o.open[account] == 0 {
		delete(o.open, account)
	}
}
