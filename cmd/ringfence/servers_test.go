package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ringfence/ringfence/store"
)

// An API on an etcd of its own process, over TLS, asked by the client command.
func TestAPIOverTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	etcdDir, err := os.MkdirTemp("", "rf") // short: unix sockets have 107 bytes of path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(etcdDir) })
	etcd, err := store.Embedded(t.Context(), etcdDir, store.EmbeddedOptions{Tick: time.Millisecond, NoSync: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(etcd.Close)
	cert, key := selfSigned(t, dir)
	tokens := filepath.Join(dir, "tokens.json")
	if err := os.WriteFile(tokens, testTokens(t), 0o600); err != nil {
		t.Fatal(err)
	}

	program := ringfenceProgram(t)
	out := &lockedBuffer{}
	api := exec.Command(program, "api", "--etcd", strings.Join(etcd.Endpoints(), ","), "--tokens", tokens,
		"--listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
	api.Stderr = out
	if err := api.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- api.Wait() }()
	t.Cleanup(func() { api.Process.Kill() })
	var url string
	for deadline := time.Now().Add(time.Minute); url == ""; time.Sleep(10 * time.Millisecond) {
		if m := regexp.MustCompile(`url=(https://127\.0\.0\.1:\d+)`).FindStringSubmatch(out.String()); m != nil {
			url = m[1]
		} else if time.Now().After(deadline) {
			t.Fatalf("it does not listen:\n%s", out)
		}
	}

	ask := func(args ...string) (string, error) {
		cmd := exec.Command(program, append(args, "--server", url, "--account", "acme")...)
		cmd.Env = append(os.Environ(), "RINGFENCE_TOKEN=platform-token")
		var b bytes.Buffer
		cmd.Stdout, cmd.Stderr = &b, &b
		err := cmd.Run()
		return b.String(), err
	}
	if said, err := ask("group", "create", "web", "--ca-cert", cert); err != nil || !strings.Contains(said, "created group web") {
		t.Errorf("with the CA: %v: %s", err, said)
	}
	if said, err := ask("group", "list"); err == nil || !strings.Contains(said, "certificate") {
		t.Errorf("without the CA: %v: %s", err, said)
	}
	if err := api.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("SIGTERM: %v\n%s", err, out)
		}
	case <-time.After(time.Minute):
		t.Errorf("still running a minute after SIGTERM\n%s", out)
	}
}

// selfSigned writes a certificate for 127.0.0.1 and its key.
func selfSigned(t *testing.T, dir string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: keyDER},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}
