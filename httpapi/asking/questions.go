package asking

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/ringfence/ringfence/httpapi/transport"
)

// Bounds of what the questions of one account cost the hosts and the store, to
// which each host that is asked is three small writes.
const (
	HostsAsked      = 100 // by one question
	questionsAtOnce = 8   // of one account
	HostsPerSecond  = 50  // asked for one account, in the long run
	hostsAskedBurst = 400 // at once
	// idleAccounts is how many accounts that ask nothing now may be remembered.
	idleAccounts = 1024
)

// Questions bounds what accounts ask. "" is the platform's own, such as a dry run
// of a network.
type Questions struct {
	mu sync.Mutex
	of map[string]*tally
}

// tally is what one account has asked.
type tally struct {
	open  int // questions that are not answered yet
	hosts *rate.Limiter
}

// NewQuestions makes the bounds, of which nothing is used yet.
func NewQuestions() *Questions { return &Questions{of: map[string]*tally{}} }

// Begin takes a question of an account to some hosts, of which end is to be called
// when it is answered; or it refuses it with 429 and the limit that is met.
func (q *Questions) Begin(account string, hosts int, now time.Time) (end func(), err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	a := q.of[account]
	if a == nil {
		if len(q.of) >= idleAccounts {
			q.forget(now)
		}
		a = &tally{hosts: rate.NewLimiter(HostsPerSecond, hostsAskedBurst)}
		q.of[account] = a
	}
	if a.open >= questionsAtOnce {
		return nil, transport.TooMany(fmt.Sprintf("%d questions to hosts are open for the account, which is the limit", a.open), time.Second)
	}
	if wait := transport.Take(a.hosts, hosts, now); wait > 0 {
		return nil, transport.TooMany(fmt.Sprintf("the account's questions may ask %d hosts a second; fewer are asked with ?nic=", HostsPerSecond), wait)
	}
	a.open++
	return func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		a.open--
	}, nil
}

// forget leaves out accounts that would be the same if they were new.
func (q *Questions) forget(now time.Time) {
	for account, a := range q.of {
		if a.open == 0 && a.hosts.TokensAt(now) >= hostsAskedBurst {
			delete(q.of, account)
		}
	}
}
