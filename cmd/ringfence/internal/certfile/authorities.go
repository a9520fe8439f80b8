package certfile

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/filestamp"
)

// Authorities are the CAs of a file.
type Authorities struct {
	use  string
	once bool // it is not looked at again
	pool atomic.Pointer[x509.CertPool]

	// Of the set alone, under its lock.
	file filestamp.Watched
	life life
}

// Pool is what is trusted now.
func (a *Authorities) Pool() *x509.CertPool { return a.pool.Load() }

// read reads the file as it is.
func (a *Authorities) read() error {
	text, err := os.ReadFile(a.file.Path)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	var life life
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return fmt.Errorf("%s: %w", a.file.Path, err)
		}
		pool.AddCert(cert)
		life.narrow(cert)
	}
	if life.to.IsZero() {
		return fmt.Errorf("%s holds no PEM certificate", a.file.Path)
	}
	a.life = life
	a.pool.Store(pool)
	return nil
}

// look takes the file up if it is another one, as Pair.look does.
func (a *Authorities) look(atOnce bool) (changed bool, err error) {
	if a.once || !a.file.Changed(atOnce) {
		return false, nil
	}
	if err := a.read(); err != nil {
		return false, err
	}
	return true, nil
}
