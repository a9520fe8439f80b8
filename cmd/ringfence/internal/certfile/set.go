// Package certfile keeps the certificates of a process as they are on disk: one
// that is renewed is used from the next handshake on, without a restart. It says
// when they end, in the log some days ahead and as a metric.
package certfile

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/filestamp"
)

const (
	// lookEvery is how often files are looked at. A change is taken up at the
	// second look, when nobody writes them any more.
	lookEvery = time.Second
	// soon is how long before its end a certificate is warned of: so long, or
	// a fifth of its life if that is less. sayEvery is how often.
	soon     = 14 * 24 * time.Hour
	sayEvery = 12 * time.Hour
)

// Set is the certificates of a process. It is a prometheus.Collector.
type Set struct {
	log    *slog.Logger
	now    func() time.Time
	expiry *prometheus.Desc

	mu    sync.Mutex
	pairs []*Pair
	cas   []*Authorities
}

// NewSet returns a set without certificates.
func NewSet(log *slog.Logger) *Set {
	return &Set{log: log, now: time.Now, expiry: prometheus.NewDesc("ringfence_certificate_expiry_timestamp_seconds",
		"When the first certificate of a file in use ends, in seconds since 1970, by what it is used for.", []string{"use"}, nil)}
}

// Open reads a certificate and its key. use names it in the log and in metrics.
func (s *Set) Open(use, certFile, keyFile string) (*Pair, error) {
	p := &Pair{use: use, certFile: certFile, keyFile: keyFile}
	if err := p.read(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pairs = append(s.pairs, p)
	return p, nil
}

// Authorities reads a file of CAs. What it is renewed to is trusted from the next
// handshake on.
func (s *Set) Authorities(use, file string) (*Authorities, error) {
	a := &Authorities{use: use, file: filestamp.Watched{Path: file}}
	a.file.Take()
	if err := a.read(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cas = append(s.cas, a)
	return a, nil
}

// AuthoritiesOnce reads a file of CAs that is not looked at again.
func (s *Set) AuthoritiesOnce(use, file string) (*x509.CertPool, error) {
	a := &Authorities{use: use, file: filestamp.Watched{Path: file}, once: true}
	if err := a.read(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cas = append(s.cas, a)
	return a.Pool(), nil
}

// Run takes renewed certificates up, and warns of those that end, until ctx ends.
func (s *Set) Run(ctx context.Context) {
	s.warn()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.look(false)
			s.warn()
		}
	}
}

// Reload takes renewed certificates up at once.
func (s *Set) Reload() { s.look(true) }

func (s *Set) look(atOnce bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pairs {
		changed, err := p.look(atOnce, s.now())
		switch {
		case err != nil:
			s.log.Error("certificate not taken up; the former one stays in use", "use", p.use, "file", p.certFile, "until", p.life.to.UTC(), "error", err)
		case changed:
			s.log.Info("certificate taken up", "use", p.use, "file", p.certFile, "until", p.life.to.UTC())
		}
	}
	for _, ca := range s.cas {
		changed, err := ca.look(atOnce)
		switch {
		case err != nil:
			s.log.Error("CA not taken up; the former one stays in use", "use", ca.use, "file", ca.file.Path, "error", err)
		case changed:
			s.log.Info("CA taken up", "use", ca.use, "file", ca.file.Path, "until", ca.life.to.UTC())
		}
	}
}

// warn tells of what ends soon, or has ended.
func (s *Set) warn() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pairs {
		s.warnOf(p.use, p.certFile, &p.life)
	}
	for _, ca := range s.cas {
		s.warnOf(ca.use, ca.file.Path, &ca.life)
	}
}

func (s *Set) warnOf(use, file string, l *life) {
	now := s.now()
	left := l.to.Sub(now)
	if left >= min(soon, l.to.Sub(l.from)/5) || !l.said.IsZero() && now.Sub(l.said) < sayEvery {
		return
	}
	l.said = now
	if left <= 0 {
		s.log.Error("a certificate in use has ended: it is refused", "use", use, "file", file, "ended", l.to.UTC())
		return
	}
	s.log.Warn("a certificate in use ends soon: renew the file", "use", use, "file", file, "until", l.to.UTC(), "left", left.Round(time.Minute).String())
}

// Describe implements prometheus.Collector.
func (s *Set) Describe(to chan<- *prometheus.Desc) { to <- s.expiry }

// Collect implements prometheus.Collector.
func (s *Set) Collect(to chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tell := func(use string, l life) {
		to <- prometheus.MustNewConstMetric(s.expiry, prometheus.GaugeValue, float64(l.to.Unix()), use)
	}
	for _, p := range s.pairs {
		tell(p.use, p.life)
	}
	for _, ca := range s.cas {
		tell(ca.use, ca.life)
	}
}

// errNotYet and errEnded are why a certificate is not taken up.
var (
	errNotYet = errors.New("it is not valid yet")
	errEnded  = errors.New("it has ended")
)
