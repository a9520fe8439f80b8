package certfile

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ringfence/ringfence/internal/certtest"
)

var day = 24 * time.Hour

// files are a certificate and its key on disk, written anew by renew.
type files struct{ cert, key string }

func newFiles(t *testing.T) files {
	t.Helper()
	dir := t.TempDir()
	return files{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
}

func (f files) renew(t *testing.T, name string, from, to time.Time) {
	t.Helper()
	cert, key := certtest.Make(t, name, from, to)
	write(t, f.cert, cert)
	write(t, f.key, key)
}

// write replaces a file as a whole, so that it is another one for sure.
func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// newSet is a set whose log and clock a test has.
func newSet(now *time.Time) (*Set, *bytes.Buffer) {
	var log bytes.Buffer
	s := NewSet(slog.New(slog.NewTextHandler(&log, nil)))
	s.now = func() time.Time { return *now }
	return s, &log
}

// nameOf is whose certificate a pair has now.
func nameOf(t *testing.T, p *Pair) string {
	t.Helper()
	c, err := x509.ParseCertificate(p.current.Load().Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	return c.Subject.CommonName
}

// What is renewed is taken up at the second look; what cannot be used is not, and
// is told once.
func TestTakenUp(t *testing.T) {
	now := time.Now()
	f := newFiles(t)
	f.renew(t, "first", now.Add(-day), now.Add(100*day))
	s, log := newSet(&now)
	p, err := s.Open("api", f.cert, f.key)
	if err != nil {
		t.Fatal(err)
	}
	is := func(name, said string) {
		t.Helper()
		if got := nameOf(t, p); got != name {
			t.Errorf("in use is %s, want %s", got, name)
		}
		if got := log.String(); said == "" && got != "" || !strings.Contains(got, said) || strings.Count(got, "\n") > 1 {
			t.Errorf("the log says %q, want one line with %q", got, said)
		}
		log.Reset()
	}
	looks := func(n int) {
		for range n {
			s.look(false)
		}
	}
	looks(3)
	is("first", "")

	f.renew(t, "second", now.Add(-time.Hour), now.Add(200*day))
	looks(1)
	is("first", "") // somebody may be writing it
	looks(1)
	is("second", "level=INFO msg=\"certificate taken up\" use=api")

	cert, key := certtest.Make(t, "third", now.Add(-time.Hour), now.Add(300*day))
	write(t, f.cert, cert) // its key is not there yet
	looks(5)
	is("second", "private key does not match public key")
	write(t, f.key, key)
	looks(2)
	is("third", "taken up")

	if err := os.Remove(f.cert); err != nil {
		t.Fatal(err)
	}
	looks(5)
	is("third", "")

	f.renew(t, "ended", now.Add(-2*day), now.Add(-day))
	looks(5)
	is("third", "it has ended, at ")

	f.renew(t, "early", now.Add(day), now.Add(400*day))
	looks(5)
	is("third", "it is not valid yet, but from ")
	now = now.Add(2 * day)
	looks(1)
	is("early", "taken up")

	f.renew(t, "at once", now.Add(-time.Hour), now.Add(100*day))
	s.Reload()
	is("at once", "taken up")
}

// A new CA is trusted, and the former not any more; a file that is none changes
// nothing, and is told once; one that is read once stays as it was.
func TestAuthoritiesAreTakenUp(t *testing.T) {
	now := time.Now()
	f, next := newFiles(t), newFiles(t)
	f.renew(t, "former", now.Add(-day), now.Add(100*day))
	next.renew(t, "next", now.Add(-day), now.Add(200*day))
	certificate := func(f files) *x509.Certificate {
		t.Helper()
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf
	}
	former, newer := certificate(f), certificate(next)
	s, log := newSet(&now)
	renewed, err := s.Authorities("etcd-ca", f.cert)
	if err != nil {
		t.Fatal(err)
	}
	once, err := s.AuthoritiesOnce("oidc-ca", f.cert)
	if err != nil {
		t.Fatal(err)
	}
	trusts := func(when string, pool *x509.CertPool, wantFormer, wantNew bool) {
		t.Helper()
		for _, c := range []struct {
			of   *x509.Certificate
			want bool
		}{{former, wantFormer}, {newer, wantNew}} {
			if _, err := c.of.Verify(x509.VerifyOptions{Roots: pool}); (err == nil) != c.want {
				t.Errorf("%s: %s is verified: %v, want %t", when, c.of.Subject.CommonName, err, c.want)
			}
		}
	}
	looks := func() {
		for range 3 {
			s.look(false)
		}
	}
	looks()
	trusts("as it was", renewed.Pool(), true, false)
	write(t, f.cert, []byte("rubbish"))
	looks()
	trusts("rubbish", renewed.Pool(), true, false)
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "CA not taken up") || !strings.Contains(got, "holds no PEM certificate") {
		t.Errorf("the log says %q", got)
	}
	content, err := os.ReadFile(next.cert)
	if err != nil {
		t.Fatal(err)
	}
	write(t, f.cert, content)
	looks()
	trusts("renewed", renewed.Pool(), false, true)
	trusts("read once", once, true, false)
	if !strings.Contains(log.String(), "CA taken up") {
		t.Errorf("the log says %q", log)
	}
	f.renew(t, "another", now.Add(-day), now.Add(100*day))
	s.Reload()
	trusts("at once", renewed.Pool(), false, false)
}

// Both ends of a handshake have what is on disk.
func TestHandshakesAfterRenewal(t *testing.T) {
	now := time.Now()
	server, client := newFiles(t), newFiles(t)
	server.renew(t, "server-1", now.Add(-day), now.Add(day))
	client.renew(t, "client-1", now.Add(-day), now.Add(day))
	s, _ := newSet(&now)
	sp, err := s.Open("api", server.cert, server.key)
	if err != nil {
		t.Fatal(err)
	}
	cp, err := s.Open("etcd-client", client.cert, client.key)
	if err != nil {
		t.Fatal(err)
	}
	names := func() string {
		t.Helper()
		a, b := net.Pipe()
		srv := tls.Server(a, &tls.Config{GetCertificate: sp.GetCertificate, ClientAuth: tls.RequireAnyClientCert})
		cli := tls.Client(b, &tls.Config{GetClientCertificate: cp.GetClientCertificate, InsecureSkipVerify: true})
		done := make(chan error, 1)
		go func() { done <- srv.HandshakeContext(t.Context()) }()
		if err := cli.HandshakeContext(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		return cli.ConnectionState().PeerCertificates[0].Subject.CommonName + " " + srv.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if got := names(); got != "server-1 client-1" {
		t.Errorf("the ends are %s", got)
	}
	server.renew(t, "server-2", now.Add(-day), now.Add(day))
	client.renew(t, "client-2", now.Add(-day), now.Add(day))
	s.Reload()
	if got := names(); got != "server-2 client-2" {
		t.Errorf("the ends are %s", got)
	}
}

// Ends are told some days ahead, or a fifth of a short life, and told again.
func TestWarnings(t *testing.T) {
	now := time.Now()
	long, short := newFiles(t), newFiles(t)
	long.renew(t, "long", now, now.Add(100*day))
	short.renew(t, "short", now, now.Add(10*time.Hour))
	s, log := newSet(&now)
	if _, err := s.Open("api", long.cert, long.key); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open("etcd-client", short.cert, short.key); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Authorities("etcd-ca", long.cert); err != nil {
		t.Fatal(err)
	}
	begun := now
	for _, step := range []struct {
		after time.Duration
		want  []string
	}{
		{7 * time.Hour, nil},
		{8*time.Hour + time.Minute, []string{"WARN use=etcd-client"}},
		{8*time.Hour + 2*time.Minute, nil},
		{21 * time.Hour, []string{"ERROR use=etcd-client"}},
		{87 * day, []string{"WARN use=api", "ERROR use=etcd-client", "WARN use=etcd-ca"}},
	} {
		now = begun.Add(step.after)
		s.warn()
		got := log.String()
		if strings.Count(got, "\n") != len(step.want) {
			t.Errorf("after %v the log says %q, want %d lines", step.after, got, len(step.want))
		}
		for i, line := range strings.Split(strings.TrimSpace(got), "\n") {
			if i >= len(step.want) {
				break
			}
			level, use, _ := strings.Cut(step.want[i], " ")
			if !strings.Contains(line, level) || !strings.Contains(line, use) {
				t.Errorf("after %v the log says %q, want %q", step.after, line, step.want[i])
			}
		}
		log.Reset()
	}
}

func TestExpiryMetric(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	f := newFiles(t)
	f.renew(t, "first", now, now.Add(time.Hour))
	s, _ := newSet(&now)
	if _, err := s.Open("api", f.cert, f.key); err != nil {
		t.Fatal(err)
	}
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(s)
	ends := func() time.Time {
		t.Helper()
		got, err := r.Gather()
		if err != nil || len(got) != 1 || got[0].GetName() != "ringfence_certificate_expiry_timestamp_seconds" {
			t.Fatalf("%v: %v", err, got)
		}
		m := got[0].GetMetric()[0]
		if m.GetLabel()[0].GetName() != "use" || m.GetLabel()[0].GetValue() != "api" {
			t.Errorf("labels %v", m.GetLabel())
		}
		return time.Unix(int64(m.GetGauge().GetValue()), 0)
	}
	if got := ends(); !got.Equal(now.Add(time.Hour)) {
		t.Errorf("ends at %v", got)
	}
	f.renew(t, "second", now, now.Add(2*time.Hour))
	s.Reload()
	if got := ends(); !got.Equal(now.Add(2 * time.Hour)) {
		t.Errorf("ends at %v after it was renewed", got)
	}
}
