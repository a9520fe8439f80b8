package relay

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/ringfence/ringfence/internal/certtest"
	"github.com/ringfence/ringfence/internal/hostsim"
)

// nobody bears no token.
type nobody struct{}

func (nobody) Host(string) (string, error) { panic("no host has a token here") }

// TestCertificatesOfHosts: a host with a certificate speaks for the host that it names,
// for as long as that is good and its authority is believed, and not a moment longer:
// the stream ends with words, and no other does.
func TestCertificatesOfHosts(t *testing.T) {
	t.Parallel()
	former, next, foreign := certtest.NewAuthority(t, "former"), certtest.NewAuthority(t, "next"), certtest.NewAuthority(t, "foreign")
	began, hour := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	var believed atomic.Pointer[x509.CertPool]
	both := former.Pool()
	both.AppendCertsFromPEM(next.PEM())
	believed.Store(both)
	secure := &tls.Config{
		Certificates: []tls.Certificate{former.Issue(t, "relay", began, hour)}, ClientAuth: tls.VerifyClientCertIfGiven, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS13,
	}
	each := secure.Clone()
	secure.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		now := each.Clone()
		now.ClientCAs = believed.Load()
		return now, nil
	}
	s := serveTLS(t, Config{Hosts: nobody{}, Logger: slog.New(slog.DiscardHandler)}, secure)
	s.restore(1, town()...)
	come := func(name string, with ...tls.Certificate) (*hostsim.Host, error) {
		return hostsim.Attach(t.Context(), hostsim.Config{
			Relay: s.addr, Name: name, NICs: []string{"n1"}, TLS: credentials.NewTLS(&tls.Config{
				RootCAs: former.Pool(), MinVersion: tls.VersionTLS13,
				GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					if len(with) == 0 {
						return &tls.Certificate{}, nil
					}
					return &with[0], nil // whatever the relay would rather see
				},
			}),
		})
	}
	attach := func(name string, with ...tls.Certificate) *hostsim.Host {
		t.Helper()
		h, err := come(name, with...)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	// turned away is one whose certificate TLS does not take.
	turnedAway := func(what, name string, with tls.Certificate) {
		t.Helper()
		h, err := come(name, with)
		if err == nil {
			_, err = h.Ended(soon(t))
		}
		s.Relay.mu.Lock()
		defer s.Relay.mu.Unlock()
		if status.Code(err) != codes.Unavailable || s.sessions[name] != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	served := func(h *hostsim.Host) {
		t.Helper()
		wait(t, h, "its share", func(s hostsim.Seen) bool { return rules(s, "gn1") > 0 })
	}
	h1 := attach("h1", former.Issue(t, "h1", began, hour))
	served(h1)
	h2 := attach("h2", next.Issue(t, "h2", began, hour))
	served(h2)
	// Another host's name, none that is good for all, and none at all.
	refusedWith(t, attach("h3", former.Issue(t, "h1", began, hour)), codes.PermissionDenied, "of host h1, and not of h3")
	refusedWith(t, attach("h3", former.Issue(t, "*", began, hour)), codes.Unauthenticated, "neither a client certificate")
	refusedWith(t, attach("h3"), codes.Unauthenticated, "neither a client certificate")
	// Those that TLS refuses.
	for what, cert := range map[string]tls.Certificate{
		"expired": former.Issue(t, "h3", began, time.Now().Add(-time.Minute)), "of the future": former.Issue(t, "h3", hour, hour.Add(time.Hour)), "of a foreign authority": foreign.Issue(t, "h3", began, hour),
	} {
		turnedAway(what, "h3", cert)
	}
	// One that ends while its stream goes on.
	short := attach("h4", former.Issue(t, "h4", began, time.Now().Add(5*time.Second)))
	refusedWith(t, short, codes.Unauthenticated, "expired")
	// The authority is not believed any more: its hosts go, the other's stay.
	believed.Store(next.Pool())
	refusedWith(t, h1, codes.Unauthenticated, "not good any more")
	turnedAway("of an authority of before", "h1", former.Issue(t, "h1", began, hour))
	rev := s.write(ruled("gn1", 1))
	wait(t, h2, "a change", func(s hostsim.Seen) bool { return s.At.GetRevision() == rev })
	served(attach("h1", next.Issue(t, "h1", began, hour)))
}
