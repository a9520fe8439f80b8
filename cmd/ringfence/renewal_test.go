package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A certificate that is renewed on disk is what the API shows from then on: no
// request fails meanwhile, and nothing is started again.
func TestCertificateRenewedUnderRequests(t *testing.T) {
	t.Parallel()
	dir, next := t.TempDir(), t.TempDir()
	cert, key := selfSigned(t, dir)
	newCert, newKey := selfSigned(t, next)
	roots := x509.NewCertPool()
	for _, file := range []string{cert, newCert} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		roots.AppendCertsFromPEM(text)
	}
	wanted, err := tls.LoadX509KeyPair(newCert, newKey)
	if err != nil {
		t.Fatal(err)
	}
	api := startAPIProgram(t, dir, nil, "--tls-cert", cert, "--tls-key", key)

	// ask makes one request on a connection of its own, and tells whether it was
	// the renewed certificate that answered.
	ask := func() (renewed bool, err error) {
		transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}}
		resp, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Get(api.url + "/healthz")
		if err != nil {
			return false, err
		}
		defer resp.Body.Close()
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			return false, err
		}
		if resp.StatusCode/100 != 2 {
			return false, fmt.Errorf("status %d", resp.StatusCode)
		}
		return string(resp.TLS.PeerCertificates[0].Raw) == string(wanted.Certificate[0]), nil
	}
	if renewed, err := ask(); err != nil || renewed {
		t.Fatalf("before: %v, %v", renewed, err)
	}
	for from, to := range map[string]string{newCert: cert, newKey: key} {
		copyFile(t, from, filepath.Join(dir, "new"))
		if err := os.Rename(filepath.Join(dir, "new"), to); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(time.Minute); ; {
		renewed, err := ask()
		if err != nil {
			t.Fatal(err)
		}
		if renewed {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it still shows the former certificate\n%s", api.out)
		}
	}
	api.says(t, `msg="certificate taken up" use=api file=\S+ until=`)
	api.stop(t)
}
