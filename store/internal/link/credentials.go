package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"

	"google.golang.org/grpc/credentials"
)

// renewed are credentials whose authorities are asked for at each handshake, so
// that another one may be trusted without a restart.
type renewed struct {
	credentials.TransportCredentials
	config *tls.Config
	roots  func() *x509.CertPool
}

func newRenewed(config *tls.Config, roots func() *x509.CertPool) *renewed {
	return &renewed{credentials.NewTLS(config), config, roots}
}

// ClientHandshake implements credentials.TransportCredentials.
func (r *renewed) ClientHandshake(ctx context.Context, authority string, conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	now := r.config.Clone()
	now.RootCAs = r.roots()
	return credentials.NewTLS(now).ClientHandshake(ctx, authority, conn)
}

// Clone implements credentials.TransportCredentials.
func (r *renewed) Clone() credentials.TransportCredentials {
	return newRenewed(r.config.Clone(), r.roots)
}
