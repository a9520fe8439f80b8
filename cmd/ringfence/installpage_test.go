package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ringfence/ringfence/internal/stack"
)

// The commands of docs/install.md from the certificates to who may do what in
// etcd do what the page says, with nothing changed but addresses and folders:
// three members and an API that know each other by these certificates, and a
// host that may write what is its own and nothing else.
func TestInstallPageMakesEtcd(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/install.md")
	if err != nil {
		t.Fatal(err)
	}
	// Addresses of this machine that nobody else's test has, most likely.
	net := fmt.Sprintf("127.%d.%d.", 1+rand.IntN(254), 1+rand.IntN(254))
	page := strings.ReplaceAll(string(text), "10.0.0.", net)
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(page, -1)
	block := func(begin string) string {
		t.Helper()
		for _, b := range blocks {
			if strings.Contains(b[1], begin) {
				return b[1]
			}
		}
		t.Fatalf("docs/install.md shows no %s", begin)
		return ""
	}
	dir := t.TempDir()
	bin := filepath.Dir(ringfenceProgram(t))
	shell := func(at, script string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "bash", "-euc", script)
		cmd.Dir = at
		cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "ETCDCTL_API=3")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	must := func(at, script string) {
		t.Helper()
		if out, err := shell(at, script); err != nil {
			t.Fatalf("%v\n%s\n%s", err, script, out)
		}
	}
	must(dir, block("mkdir ca && cd ca"))
	ca := filepath.Join(dir, "ca")

	settings := regexp.MustCompile(`(?s)<<'END'\n(.*?)END\n`).FindStringSubmatch(block("/etc/default/etcd"))
	if settings == nil {
		t.Fatal("docs/install.md has no settings of etcd")
	}
	for i := 1; i <= 3; i++ {
		var env []string
		for line := range strings.Lines(settings[1]) {
			if !strings.HasPrefix(line, "ETCD_INITIAL_CLUSTER=") { // all else is of the member
				line = strings.ReplaceAll(strings.ReplaceAll(line, net+"1:", fmt.Sprintf("%s%d:", net, i)), "etcd1", fmt.Sprintf("etcd%d", i))
			}
			line = strings.ReplaceAll(line, ",https://127.0.0.1:2379", "") // the three have one machine here
			line = strings.ReplaceAll(strings.ReplaceAll(line, "/etc/etcd/", ca+"/"), "/var/lib/etcd/ringfence", filepath.Join(dir, fmt.Sprint("data", i)))
			env = append(env, strings.TrimSpace(line))
		}
		p, err := stack.StartProcess(fmt.Sprint("etcd", i), filepath.Join(dir, fmt.Sprint("etcd", i, ".log")), "env", append(env, stack.EtcdServer)...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%s: %s", p.Name, p.Log())
			}
			_ = p.Kill()
		})
	}
	etcdctl := func(who, command string) (string, error) {
		return shell(ca, fmt.Sprintf("etcdctl --endpoints=https://%s1:2379 --cacert=ca.pem --cert=%s.pem --key=%s.key %s", net, who, who, command))
	}
	await := func(what string, done func() error) {
		t.Helper()
		for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
			err := done()
			if err == nil {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("waited in vain for %s: %v", what, err)
			}
		}
	}
	await("etcd", func() error {
		out, err := etcdctl("root", "endpoint health --cluster")
		if err == nil && strings.Count(out, "is healthy") != 3 {
			err = errors.New("not three members")
		}
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
	init := block("ringfence etcd init")
	must(ca, init)
	must(ca, init) // again, for further hosts
	for _, c := range []struct{ who, command, refused string }{
		{"h1", "put /ringfence/v1/hosts/h1 x", ""},
		{"h1", "put /ringfence/v1/hosts/h2 x", "permission denied"},
		{"h2", "put /ringfence/v1/hosts/h1 x", "permission denied"},
		{"h1", "put /ringfence/v1/policy/x x", "permission denied"},
		{"h1", "get --prefix /ringfence/v1/policy/", ""},
		{"h1", "user list", "permission denied"},
		{"ringfence-api", "del /ringfence/v1/hosts/h1", ""},
		{"ringfence-api", "put /elsewhere x", "permission denied"},
		{"api1", "get --prefix /ringfence/v1/policy/", "permission denied"}, // of a server, and no user of etcd
	} {
		out, err := etcdctl(c.who, c.command)
		if (err == nil) != (c.refused == "") || !strings.Contains(out, c.refused) {
			t.Errorf("%s: %s: %v, %s, want %q", c.who, c.command, err, out, c.refused)
		}
	}
	if out, err := shell(ca, fmt.Sprintf("etcdctl --endpoints=https://%s1:2379 --cacert=ca.pem get x", net)); err == nil {
		t.Errorf("whoever has no certificate is served: %s", out)
	}

	// An API by these certificates, and a client that trusts their CA.
	must(ca, "umask 077; ringfence token create platform --role admin --tokens tokens.json > admin.token")
	members := fmt.Sprintf("https://%s1:2379,https://%s2:2379,https://%s3:2379", net, net, net)
	api, err := stack.StartProcess("api", filepath.Join(dir, "api.log"), filepath.Join(bin, "ringfence"), "api", "--etcd="+members,
		"--etcd-ca="+ca+"/ca.pem", "--etcd-cert="+ca+"/ringfence-api.pem", "--etcd-key="+ca+"/ringfence-api.key", "--listen="+net+"11:8443",
		"--tls-cert="+ca+"/api1.pem", "--tls-key="+ca+"/api1.key", "--tokens="+ca+"/tokens.json")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("api: %s", api.Log())
		}
		_ = api.Kill()
	})
	roots := x509.NewCertPool()
	pem, err := os.ReadFile(filepath.Join(ca, "ca.pem"))
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		t.Fatal("the CA:", err)
	}
	caller := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots}}}
	await("the API", func() error {
		req, err := http.NewRequestWithContext(t.Context(), "GET", "https://"+net+"11:8443/readyz", nil)
		if err != nil {
			return err
		}
		resp, err := caller.Do(req)
		if err != nil {
			return err
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", resp.StatusCode)
		}
		return nil
	})
	must(ca, block("export RINGFENCE_SERVER"))
}
