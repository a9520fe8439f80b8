package certfile

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/filestamp"
)

// Pair is a certificate and its key.
type Pair struct {
	use, certFile, keyFile string
	current                atomic.Pointer[tls.Certificate]

	// Of the set alone, under its lock.
	life          life
	taken, looked stamps // of what is in use or was refused, and of the last look
	early         stamps // of what was refused because it is not valid yet
}

// stamps tell states of the two files apart.
type stamps struct{ cert, key filestamp.Stamp }

func (s stamps) are(t stamps) bool { return s.cert.Is(t.cert) && s.key.Is(t.key) }

// stampsOf looks at the files.
func (p *Pair) stampsOf() stamps {
	return stamps{filestamp.Of(p.certFile), filestamp.Of(p.keyFile)}
}

// GetCertificate is for a server's tls.Config.
func (p *Pair) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return p.current.Load(), nil
}

// GetClientCertificate is for a client's tls.Config.
func (p *Pair) GetClientCertificate(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return p.current.Load(), nil
}

// read reads the files as they are.
func (p *Pair) read() error {
	now := p.stampsOf()
	cert, life, err := p.load()
	if err != nil {
		return err
	}
	p.taken, p.looked = now, now
	p.life = life
	p.current.Store(cert)
	return nil
}

func (p *Pair) load() (*tls.Certificate, life, error) {
	cert, err := tls.LoadX509KeyPair(p.certFile, p.keyFile)
	if err != nil {
		return nil, life{}, err
	}
	var l life
	for _, der := range cert.Certificate {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, life{}, fmt.Errorf("%s: %w", p.certFile, err)
		}
		l.narrow(c)
	}
	return &cert, l, nil
}

// look takes the pair up if it is not as it was and, unless at once, has not
// changed since the last look. What is there and cannot be used is an error, told
// once; a file that is gone for a moment while it is replaced is none.
func (p *Pair) look(atOnce bool, clock time.Time) (changed bool, err error) {
	now, before := p.stampsOf(), p.looked
	p.looked = now
	switch {
	case !now.cert.Exists() || !now.key.Exists(), now.are(p.taken), !atOnce && !now.are(before):
		return false, nil
	}
	p.taken = now
	cert, life, err := p.load()
	switch {
	case err != nil:
		return false, err
	case clock.Before(life.from):
		p.taken = stamps{} // its time may come
		if now.are(p.early) {
			return false, nil
		}
		p.early = now
		return false, fmt.Errorf("%w, but from %s on", errNotYet, life.from.UTC().Format(time.RFC3339))
	case clock.After(life.to):
		return false, fmt.Errorf("%w, at %s", errEnded, life.to.UTC().Format(time.RFC3339))
	}
	p.life = life
	p.current.Store(cert)
	return true, nil
}
