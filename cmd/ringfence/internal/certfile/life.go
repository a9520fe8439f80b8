package certfile

import (
	"crypto/x509"
	"time"
)

// life is from when to when something is valid, and when its end was told last.
type life struct {
	from, to time.Time
	said     time.Time
}

// narrow has a life end where that of a certificate does.
func (l *life) narrow(c *x509.Certificate) {
	if c.NotBefore.After(l.from) {
		l.from = c.NotBefore
	}
	if l.to.IsZero() || c.NotAfter.Before(l.to) {
		l.to = c.NotAfter
	}
}
