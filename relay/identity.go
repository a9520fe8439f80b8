package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// Identifier returns the host that a token is for: its name, or AnyHost.
type Identifier interface {
	Host(secret string) (name string, err error)
}

// AnyHost is the name of a token that is good for every host.
const AnyHost = "*"

// authorize returns an *ending unless the stream's credentials are the host's: a client
// certificate with its name, or a token for it.
func (r *Relay) authorize(ctx context.Context, host string) error {
	var proven []string
	if p, ok := peer.FromContext(ctx); ok {
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok && len(info.State.VerifiedChains) > 0 {
			chain := info.State.VerifiedChains[0]
			if err := r.stillGood(chain); err != nil {
				return refused(codes.Unauthenticated, "the client certificate is not good any more: %v", err)
			}
			proven = namesOf(chain[0])
		}
	}
	md, _ := metadata.FromIncomingContext(ctx)
	for _, value := range md.Get("authorization") {
		secret, bearer := strings.CutPrefix(value, "Bearer ")
		if !bearer {
			continue
		}
		name, err := r.cfg.Hosts.Host(secret)
		if err != nil {
			return refused(codes.Unauthenticated, "%v", err)
		}
		proven = append(proven, name)
	}
	switch {
	case len(proven) == 0:
		return refused(codes.Unauthenticated, "neither a client certificate nor a token of role host came with the stream")
	case slices.Contains(proven, host), slices.Contains(proven, AnyHost):
		return nil
	}
	return refused(codes.PermissionDenied, "the credential is of host %s, and not of %s", strings.Join(proven, ", "), host)
}

// stillGood verifies a certificate chain again that was good when its stream began: it may
// have expired, or its authority may not be trusted any more.
func (r *Relay) stillGood(chain []*x509.Certificate) error {
	roots, err := r.authorities()
	if err != nil {
		return err
	}
	if roots == nil {
		roots = x509.NewCertPool()
		roots.AddCert(chain[len(chain)-1])
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err = chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return err
}

// authorities returns the ones that the certificates of new streams must be from; nil if
// that is not known.
func (r *Relay) authorities() (*x509.CertPool, error) {
	secure := r.secure.Load()
	if secure == nil {
		return nil, nil
	}
	if secure.GetConfigForClient != nil {
		now, err := secure.GetConfigForClient(&tls.ClientHelloInfo{})
		if err != nil {
			return nil, err
		}
		if now != nil {
			secure = now
		}
	}
	return secure.ClientCAs, nil
}

// namesOf are the hosts that a certificate is of. No certificate is good for all.
func namesOf(c *x509.Certificate) []string {
	names := slices.Clone(c.DNSNames)
	if c.Subject.CommonName != "" {
		names = append(names, c.Subject.CommonName)
	}
	return slices.DeleteFunc(names, func(n string) bool { return strings.Contains(n, "*") })
}
