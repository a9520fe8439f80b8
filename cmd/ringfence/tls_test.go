package main

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/client"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/certfile"
	"github.com/ringfence/ringfence/cmd/ringfence/internal/session"
	"github.com/ringfence/ringfence/internal/certtest"
)

// certificate writes a self-signed certificate for 127.0.0.1 and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	certPEM, keyPEM := certtest.Make(t, "ringfence", time.Time{}, time.Now().Add(time.Hour))
	write := func(name string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", certPEM), write("key.pem", keyPEM)
}

// serveFor serves at what the flags say until the test ends.
func serveFor(t *testing.T, f *listenFlags) net.Addr {
	t.Helper()
	l, err := f.listener(t.Context(), certfile.NewSet(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "{}") })
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, l, h, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr()
}

func TestServeTLS(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	addr := serveFor(t, &listenFlags{Listen: "127.0.0.1:0", TLSCert: cert, TLSKey: key})
	ask := func(url string, transport http.RoundTripper) error {
		c, err := client.New(url, "", client.WithHTTPClient(&http.Client{Transport: transport}))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.Healthy(t.Context())
	}
	trusted, err := session.Trusting(cert)
	if err != nil {
		t.Fatal(err)
	}
	if err := ask("https://"+addr.String(), trusted); err != nil {
		t.Errorf("who trusts the certificate: %v", err)
	}
	if err := ask("https://"+addr.String(), &http.Transport{}); err == nil {
		t.Error("who does not trust the certificate is served")
	}
	old := trusted.Clone()
	old.TLSClientConfig.MinVersion, old.TLSClientConfig.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if err := ask("https://"+addr.String(), old); err == nil {
		t.Error("TLS 1.1 is served")
	}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		twelve := trusted.Clone()
		twelve.TLSClientConfig.MaxVersion, twelve.TLSClientConfig.CipherSuites = tls.VersionTLS12, []uint16{suite.ID}
		served := ask("https://"+addr.String(), twelve) == nil
		if authenticated := strings.Contains(suite.Name, "GCM") || strings.Contains(suite.Name, "POLY1305"); served && !authenticated {
			t.Errorf("TLS 1.2 with %s is served", suite.Name)
		} else if strings.Contains(suite.Name, "ECDHE_ECDSA") && authenticated && !served {
			t.Errorf("TLS 1.2 with %s is not served", suite.Name)
		}
	}
	if err := ask("http://"+addr.String(), &http.Transport{}); err == nil {
		t.Error("it is served without TLS")
	}
}

// Who begins a request and does not go on is cut off.
func TestServeCutsOffSlowRequests(t *testing.T) {
	t.Parallel()
	addr := serveFor(t, &listenFlags{Listen: "127.0.0.1:0"})
	conn, err := net.Dial("tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil { // until the server ends it
		t.Errorf("it is not cut off: %v", err)
	}
}
