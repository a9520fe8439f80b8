package main

import (
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/ringfence/ringfence/cmd/ringfence/internal/certfile"
	"github.com/ringfence/ringfence/internal/certtest"
)

// A relay believes the hosts whose certificates are of the CA that is in the file
// now.
func TestHostsOfAnotherCA(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	made := func(name string) (pair tls.Certificate, certFile, keyFile string) {
		t.Helper()
		cert, key := certtest.Make(t, name, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		certFile, keyFile = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
		for file, content := range map[string][]byte{certFile: cert, keyFile: key} {
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		return pair, certFile, keyFile
	}
	_, serverCert, serverKey := made("relay")
	former, caFile, _ := made("former")
	next, nextFile, _ := made("next")
	certs := certfile.NewSet(slog.New(slog.DiscardHandler))
	secure, err := (&hostsFlags{HostCA: caFile}).secure(certs, "127.0.0.1:0", serverCert, serverKey)
	if err != nil {
		t.Fatal(err)
	}
	// believed tells what the relay makes of a host with a certificate.
	believed := func(host tls.Certificate) bool {
		t.Helper()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		done := make(chan bool, 1)
		go func() {
			c, err := l.Accept()
			if err != nil {
				done <- false
				return
			}
			defer c.Close()
			server := tls.Server(c, secure)
			err = server.HandshakeContext(t.Context())
			done <- err == nil && len(server.ConnectionState().VerifiedChains) > 0 && server.ConnectionState().NegotiatedProtocol == "h2"
		}()
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		// A client that shows its certificate whatever the server would rather see.
		client := tls.Client(c, &tls.Config{
			InsecureSkipVerify: true, NextProtos: []string{"h2"},
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &host, nil },
		})
		_ = client.HandshakeContext(t.Context()) // what counts is what the relay says
		return <-done
	}
	if !believed(former) || believed(next) {
		t.Error("at the beginning the relay is to believe the hosts of the file's CA, and those alone")
	}
	content, err := os.ReadFile(nextFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(caFile+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(caFile+".new", caFile); err != nil {
		t.Fatal(err)
	}
	certs.Reload()
	if believed(former) || !believed(next) {
		t.Error("after the file was replaced the relay is to believe the hosts of the new CA, and those alone")
	}
}
