package transport

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/ringfence/ringfence/httpapi/tokens"
)

// RateLimit bounds the requests of the tokens of one account; those of the
// platform are not bounded.
type RateLimit struct {
	PerSecond float64 // 0: no bound
	Burst     int     // at once; PerSecond if 0
}

// Rates holds one bucket for each account whose tokens called.
type Rates struct {
	mu    sync.Mutex
	limit RateLimit
	of    map[string]*rate.Limiter
}

// NewRates makes the buckets, full ones.
func NewRates(l RateLimit) *Rates {
	r := &Rates{}
	r.Set(l)
	return r
}

// Set has another bound hold from now on. Every account begins with a full bucket.
func (r *Rates) Set(l RateLimit) {
	if l.Burst <= 0 {
		l.Burst = max(1, int(math.Ceil(l.PerSecond)))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.limit, r.of = l, map[string]*rate.Limiter{}
}

// Admit takes one request of an account, or refuses it.
func (r *Rates) Admit(account string, now time.Time) error {
	if account == tokens.AllAccounts {
		return nil
	}
	r.mu.Lock()
	if r.limit.PerSecond <= 0 {
		r.mu.Unlock()
		return nil
	}
	bucket := r.of[account]
	if bucket == nil {
		bucket = rate.NewLimiter(rate.Limit(r.limit.PerSecond), r.limit.Burst)
		r.of[account] = bucket
	}
	r.mu.Unlock()
	if wait := Take(bucket, 1, now); wait > 0 {
		return TooMany("the account makes too many requests", wait)
	}
	return nil
}

// Take takes n from a bucket, or nothing: then it returns after how long there
// will be as many.
func Take(bucket *rate.Limiter, n int, now time.Time) time.Duration {
	turn := bucket.ReserveN(now, n)
	wait := turn.DelayFrom(now)
	if wait > 0 {
		turn.CancelAt(now)
	}
	return wait
}

// TooMany refuses a request that may be made again after a while.
func TooMany(why string, wait time.Duration) error {
	return Refuse(http.StatusTooManyRequests, codeRateLimited, why).With("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
}
