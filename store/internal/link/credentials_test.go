package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/credentials"

	"github.com/ringfence/ringfence/internal/certtest"
)

// Each handshake goes by the authorities of that moment, and by the name of whom
// it is with, be it a name or an address.
func TestAuthoritiesOfTheMoment(t *testing.T) {
	t.Parallel()
	type authority struct {
		pair tls.Certificate
		pool *x509.CertPool
	}
	newAuthority := func(name string) (a authority) {
		cert, key := certtest.Make(t, name, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		var err error
		if a.pair, err = tls.X509KeyPair(cert, key); err != nil {
			t.Fatal(err)
		}
		a.pool = x509.NewCertPool()
		a.pool.AppendCertsFromPEM(cert)
		return a
	}
	former, next := newAuthority("former"), newAuthority("next")
	trusted := former.pool
	var client credentials.TransportCredentials = newRenewed(&tls.Config{MinVersion: tls.VersionTLS12}, func() *x509.CertPool { return trusted })
	handshake := func(server authority, with string) error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			a, err := l.Accept()
			if err != nil {
				return
			}
			_ = tls.Server(a, &tls.Config{Certificates: []tls.Certificate{server.pair}, NextProtos: []string{"h2"}}).Handshake()
			a.Close()
		}()
		b, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, _, err = client.ClientHandshake(ctx, with, b)
		return err
	}
	expect := func(what string, err error, want string) {
		t.Helper()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
	}
	const unknown = "certificate signed by unknown authority"
	expect("the former at the beginning", handshake(former, "127.0.0.1:2379"), "")
	expect("the next at the beginning", handshake(next, "127.0.0.1:2379"), unknown)
	trusted = next.pool
	expect("the next", handshake(next, "127.0.0.1:2379"), "")
	expect("the former", handshake(former, "127.0.0.1:2379"), unknown)
	expect("another address", handshake(next, "127.0.0.2:2379"), "certificate is valid for 127.0.0.1, not 127.0.0.2")
	expect("a name", handshake(next, "etcd1:2379"), "wanted to match etcd1")
	client = client.Clone()
	trusted = former.pool
	expect("the former, to a copy", handshake(former, "127.0.0.1:2379"), "")
}
